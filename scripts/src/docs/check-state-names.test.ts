import { expect, it } from "vitest";
import { checkStateNames } from "./check-state-names.ts";

const SECTIONS = [{ heading: "Run states", words: ["pending", "claimed", "stop"] }];
const check = (markdown: string): string[] => checkStateNames(markdown, SECTIONS, (word) => word === "attempt");

it("is content when every word is named in code and nothing else looks like a state", () => {
  const text =
    "## 4. Run states\n\n`pending → claimed`, each with its `attempt`.\n\n```\nclaimed --stop\n```\n\n## Next\n`nonsense`";
  expect(check(text)).toEqual([]);
});

it("misses a word that stands in prose only", () => {
  expect(check("## Run states\n`pending` `claimed` and stop")).toEqual(['section "Run states" does not name `stop`']);
});

it.each(["`queued`", "claimed → queued", "`queued` → `claimed`", "queued(run) → claimed"])(
  "refuses a state that does not exist: %s",
  (prose) => {
    expect(check(`## Run states\n\`pending\` \`claimed\` \`stop\`\n${prose}`)).toEqual([
      'section "Run states" names `queued`, which does not exist in the sources',
    ]);
  },
);

it("asks for the section itself", () => {
  expect(check("# Something else")).toEqual(['no section "Run states", which must name: pending, claimed, stop']);
});
