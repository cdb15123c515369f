/**
 * What the demonstration plays: an orchestrator that asks three reviewers and goes on when all have answered. They are scripts
 * for the `test` executor, so nothing here needs a key; with `claude-code` the blueprints would have system prompts instead.
 */
import type { CreateBlueprint } from "@parallax/shared/protocol/blueprints";

export const LEAD = "lead";
export const LEAD_SESSION = "ses_demo_lead";

interface Reviewer {
  readonly name: string;
  readonly workMs: number;
  readonly verdict: string;
}

const REVIEWERS: readonly Reviewer[] = [
  { name: "api-reviewer", workMs: 3_400, verdict: "the API keeps its promises" },
  { name: "test-reviewer", workMs: 4_000, verdict: "two tests miss an assertion" },
  { name: "docs-reviewer", workMs: 2_800, verdict: "the README is one flag behind" },
];

export const REVIEWER_COUNT = REVIEWERS.length;

export const BLUEPRINTS: readonly CreateBlueprint[] = [LEAD, ...REVIEWERS.map((reviewer) => reviewer.name)].map(
  (name) => ({
    name,
    executor: "test",
  }),
);

/** Every reviewer leaves one line in the ledger when it has done its work: work done twice would leave two. */
export function leadPrompt(ledger: string): string {
  const start = REVIEWERS.map(({ name, workMs, verdict }) => ({
    start: {
      name,
      agent_name: name,
      mode: "async_callback",
      prompt: {
        steps: [
          { say: "reading the change" },
          { wait_ms: workMs },
          { append: { file: ledger, line: name } },
          { result: verdict },
        ],
      },
    },
  }));
  return JSON.stringify({
    steps: [{ say: "I need three reviews." }, ...start, { result: "waiting for three reviews" }],
    on_resume: [
      [{ say: "${prompt}" }, { result: "All three reviews are in: fix the tests and the README, then merge." }],
    ],
  });
}
