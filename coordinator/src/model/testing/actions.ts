import type { CreateRun } from "@parallax/shared/protocol/runs";
import { type Author, createRun } from "../../runs/create-run.ts";
import { retryRun } from "../../runs/retry-run.ts";
import { stopSession } from "../../runs/stop-run.ts";
import { releaseInbox } from "../../sessions/release-inbox.ts";
import { removeSession } from "../../sessions/remove-session.ts";
import { sendMessage } from "../../sessions/send-message.ts";
import { ACTIONS_OF_ATTEMPTS } from "./actions-of-attempts.ts";
import { ACTIONS_OF_TIME } from "./actions-of-time.ts";
import { type Action, FENCED, type Outside, ofAttempt, ofRun, ofSession } from "./outside.ts";
import { choose } from "./step.ts";

const TREE = [
  "tree_depth_exceeded",
  "tree_runs_exceeded",
  "tree_fan_out_exceeded",
  "parent_is_descendant",
  "parent_in_another_tree",
] as const;

const authorOf = ({ real }: Outside, agent: Author["agent"]): Author => ({
  projectId: real.project,
  origin: agent === null ? "request" : "agent",
  agent,
  idempotency: null,
  retryOfRunId: null,
});

async function create(outside: Outside, request: Partial<CreateRun>, agent: Author["agent"] = null): Promise<void> {
  const full = { type: "start_session", prompt: "work", executor: "test", ...request } as CreateRun;
  const created = await createRun(outside.real.deps, authorOf(outside, agent), full);
  if (!outside.sessions.includes(created.session_id)) outside.sessions.push(created.session_id);
  outside.runs.push({ id: created.run_id, session: created.session_id });
}

/** Begins a fleet that something can happen to. */
export const begin = async (outside: Outside): Promise<void> => await create(outside, {});

export const ACTIONS: readonly Action[] = [
  ...ACTIONS_OF_ATTEMPTS,
  ...ACTIONS_OF_TIME,
  { name: "start", weight: 2, refusals: [], act: async (outside) => await create(outside, {}) },
  {
    name: "agent starts child",
    weight: 5,
    refusals: [...FENCED, ...TREE, "run_stopping", "parent_not_found", "parent_stopped"],
    act: ofAttempt(async (outside, { runId, attempt, session }, _incarnation, which) => {
      const join = which % 2 === 0 ? "all" : "each";
      await create(outside, { execution_mode: "async_callback", join }, { runId, attempt, sessionId: session });
    }),
  },
  {
    name: "resume",
    weight: 4,
    refusals: [...TREE, "session_not_found", "parent_not_found"],
    act: ofSession(async (outside, session, which) => {
      const parent = which % 3 === 0 ? choose(outside.sessions, which + 1) : undefined;
      const owing = { parent_session_id: parent, execution_mode: "async_callback" } as const;
      await create(outside, { type: "resume_session", session_id: session, ...(parent === undefined ? {} : owing) });
    }),
  },
  {
    name: "retry",
    weight: 1,
    refusals: [...TREE, "run_not_found", "session_not_found", "run_not_retryable"],
    act: ofRun(async (outside, runId) => {
      const made = await retryRun(outside.real.deps, outside.real.project, runId, null);
      outside.runs.push({ id: made.run_id, session: made.session_id });
    }),
  },
  {
    name: "stop session",
    weight: 2,
    refusals: ["session_not_found"],
    act: ofSession(async ({ real }, sessionId, which) => {
      const request = { projectId: real.project, sessionId, runId: null, cascade: which % 3 !== 0, reason: "test" };
      await stopSession(real.deps, request);
    }),
  },
  {
    name: "stop run",
    weight: 2,
    refusals: ["session_not_found"],
    act: ofRun(async ({ real }, runId, sessionId) => {
      await stopSession(real.deps, { projectId: real.project, sessionId, runId, cascade: true, reason: "test" });
    }),
  },
  {
    name: "message",
    weight: 4,
    refusals: ["session_not_found", "session_busy"],
    act: ofSession(async ({ real }, sessionId, which) => {
      const ifBusy = which % 4 === 0 ? "reject" : "queue";
      await sendMessage(real.deps, {
        projectId: real.project,
        sessionId,
        text: "hear this",
        ifBusy,
        idempotency: null,
      });
    }),
  },
  {
    name: "release",
    weight: 1,
    refusals: ["session_not_found"],
    act: ofSession(async ({ real }, sessionId) => await releaseInbox(real.deps, real.project, sessionId)),
  },
  {
    name: "delete",
    weight: 1,
    refusals: ["session_not_found", "session_active"],
    act: ofSession(async ({ real }, sessionId) => await removeSession(real.deps, real.project, sessionId)),
  },
];
