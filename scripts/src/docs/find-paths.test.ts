import { expect, it } from "vitest";
import { findNamedPaths } from "./find-paths.ts";

const TOP = ["coordinator", "scripts", ".ci"];
const pathsIn = (markdown: string): string[] => findNamedPaths(markdown, TOP).map(({ path }) => path);

it("finds paths in inline code, with what stands around them", () => {
  const text = "Start `./scripts/up --demo`, read `coordinator/src/main.ts:12` and (`.ci/run`), then `config.ts`.";
  expect(pathsIn(text)).toEqual(["./scripts/up", "coordinator/src/main.ts", ".ci/run", "config.ts"]);
});

it("finds paths in fenced code, but takes no bare file name from a drawing", () => {
  expect(pathsIn("```sh\n$ ./scripts/check\ncat main.ts scripts/test\n```")).toEqual([
    "./scripts/check",
    "scripts/test",
  ]);
});

it("finds targets of links, without their anchors", () => {
  expect(pathsIn("[a](docs/a.md#top) [b](https://example.org/x) [c](#here) [d](../LICENSE)")).toEqual([
    "docs/a.md",
    "../LICENSE",
  ]);
});

it("takes no bare name of a data file for one of the repository's", () => {
  expect(pathsIn("`identity.json` `compose.yaml` `coordinator/package.json`")).toEqual(["coordinator/package.json"]);
});

it("leaves alone what only has a slash", () => {
  expect(pathsIn("`GET /runs/{id}` `text/html` `a/b` `https://scripts/x` `and/or`")).toEqual([]);
});

it("says on which line a path stands", () => {
  expect(findNamedPaths("one\n\n`scripts/up`", TOP)).toEqual([{ path: "scripts/up", line: 3 }]);
});
