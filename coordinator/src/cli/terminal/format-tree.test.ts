import type { TreeNode } from "@parallax/shared/protocol/sessions";
import { expect, test } from "vitest";
import { captureIo } from "../testing/captured-io.ts";
import { formatTree } from "./format-tree.ts";

const run = (changes: Partial<TreeNode["runs"][number]> = {}): TreeNode["runs"][number] => ({
  run_id: "run_1",
  type: "start_session",
  status: "completed",
  outcome: "completed",
  attempt: 1,
  runner_id: "rnr_1",
  created_at: "2025-01-01T00:00:00Z",
  started_at: "2025-01-01T00:00:00Z",
  completed_at: "2025-01-01T00:00:02Z",
  result_text: "done",
  error: null,
  ...changes,
});

const session = (id: string, parent: string | null, changes: Partial<TreeNode> = {}): TreeNode => ({
  session_id: id,
  parent_session_id: parent,
  status: "idle",
  settled: true,
  agent_name: null,
  executor: "test",
  hostname: null,
  created_at: "2025-01-01T00:00:00Z",
  open_wake_ups: 0,
  runs: [run()],
  ...changes,
});

const tree = (...sessions: TreeNode[]) =>
  formatTree(captureIo(), sessions, { runner: (id) => (id === "rnr_1" ? "north" : id) });

test("children hang below their parents, runs below their sessions", () => {
  const lines = tree(
    session("ses_root", null, {
      agent_name: "lead",
      runs: [run(), run({ type: "resume_session", result_text: "all\nin" })],
    }),
    session("ses_a", "ses_root"),
    session("ses_aa", "ses_a", { status: "waiting", open_wake_ups: 2, runs: [] }),
    session("ses_b", "ses_root", {
      status: "failed",
      runs: [run({ status: "failed", outcome: "lost", attempt: 3, result_text: null, error: { message: "gone" } })],
    }),
  );
  expect(lines).toEqual([
    "✔  lead  ses_root  idle  test",
    "│  start   completed  2.0 s  on north  done",
    "│  resume  completed  2.0 s  on north  all in",
    "├─ ✔  ses_a  idle  test",
    "│  │  start   completed  2.0 s  on north  done",
    "│  └─ …  ses_aa  waiting  test  waits for 2",
    "└─ ✘  ses_b  failed  test",
    "      start   lost  2.0 s  on north  attempt 3  gone",
  ]);
});

test("a tree whose top is not in the list, or that is a circle, is still shown once and ends", () => {
  expect(tree(session("ses_a", "ses_elsewhere", { runs: [] }))).toEqual(["✔  ses_a  idle  test"]);
  expect(tree(session("ses_a", "ses_b", { runs: [] }), session("ses_b", "ses_a", { runs: [] }))).toEqual([]);
});
