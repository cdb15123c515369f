import { expect, it } from "vitest";
import { checkAnchors, listAnchors } from "./check-anchors.ts";

const OTHER = "# Other\n\n## 14. Not there yet\n\n```sh\n# a comment\n```\n";
const check = (markdown: string): string[] =>
  checkAnchors("docs/a.md", markdown, (file) => (file === "docs/other.md" ? OTHER : null));

it("names headings as GitHub does, and takes no comment of a shell for one", () => {
  expect([...listAnchors(OTHER)]).toEqual(["other", "14-not-there-yet"]);
  expect([...listAnchors("## What is isolated, and what is not\n### `up` & more")]).toEqual([
    "what-is-isolated-and-what-is-not",
    "up--more",
  ]);
});

it("is content with links that lead to a heading, here and elsewhere", () => {
  expect(check("## Here\n[a](#here) [b](other.md#14-not-there-yet) [c](https://example.org/#x)")).toEqual([]);
});

it("misses a heading that was renamed", () => {
  expect(check("## There\n[a](#here) [b](other.md#there)")).toEqual([
    "2: docs/a.md has no heading #here",
    "2: docs/other.md has no heading #there",
  ]);
});
