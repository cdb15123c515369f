import fc from "fast-check";
import { confirmDelivery } from "../../mcp/confirm-delivery.ts";
import type { AgentCaller } from "../../mcp/identify-caller.ts";
import { startChild } from "../../mcp/start-child.ts";
import type { ToolContext } from "../../mcp/tool.ts";
import { newestRun as newestRunRow } from "../../store/testing/newest-run.ts";
import { chooseAttempt, judgeNewest } from "./attempts.ts";
import { comeToRest } from "./come-to-rest.ts";
import { type Asked, addRun, addSession, judgeStart } from "./creating.ts";
import { codeOf } from "./real.ts";
import { sessionOf } from "./rules.ts";
import { type Bench, choose, chooseOf, count, expectSame, type Step } from "./step.ts";
import type { Attempt, Call } from "./world.ts";

const n = fc.nat({ max: 30 });
const SYNC: Asked = { mode: "sync", join: null, onLost: null, priority: null, later: false };
const HANGS_MS = 20_000;

function callerOf(bench: Bench, attempt: Attempt, call: number): AgentCaller {
  const { run } = attempt;
  return {
    kind: "agent",
    projectId: bench.real.project,
    runId: run.id ?? "",
    attempt: attempt.number,
    incarnation: attempt.incarnation ?? "inc_unbound",
    sessionId: run.session,
    rootSessionId: sessionOf(bench.world, run.session)?.root ?? run.session,
    call,
  };
}

/** The call itself; its connection breaks as soon as it would wait, and the gateway repeats it later. */
async function call(bench: Bench, attempt: Attempt, number: number, waits: boolean): Promise<string> {
  const context: ToolContext = {
    deps: bench.real.deps,
    caller: callerOf(bench, attempt, number),
    signal: waits ? AbortSignal.timeout(HANGS_MS) : AbortSignal.abort(),
    beginWait: () => () => undefined,
  };
  const run = { type: "start_session" as const, prompt: "work for me" };
  return await codeOf(startChild(context, { tool: "start_agent_session", mode: "sync", run }));
}

/** What a call of an agent is refused with. */
function judgeCall(bench: Bench, attempt: Attempt): string {
  const newest = judgeNewest(bench.world, attempt);
  if (newest !== "ok") return newest;
  const { run } = attempt;
  if (run.outcome !== null) return "run_terminal";
  if (attempt.incarnation === null) return "supervisor_superseded";
  if (run.state === "pending" || run.state === "claimed") return "attempt_cut_off";
  return run.state === "stopping" ? "run_stopping" : "ok";
}

export const syncCall: Step<number> = {
  name: "agent calls and waits",
  weight: 6,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const attempt = chooseAttempt(world, which);
    if (attempt === undefined) return;
    const number = world.calls.filter((one) => one.attempt === attempt).length + 1;
    const parent = attempt.run.session;
    const fenced = judgeCall(bench, attempt);
    const expected = fenced === "ok" ? judgeStart(world, { agent: attempt, parent }) : fenced;
    expectSame(await call(bench, attempt, number, false), expected === "ok" ? "shutting_down" : expected, "call");
    if (expected !== "ok") return;
    const made = await newestRunRow(real.deps.store.db, real.project);
    const session = addSession(world, made.session, parent);
    const duty = addRun(world, made.id, session, { agent: attempt, parent }, SYNC);
    if (duty !== null) world.calls.push({ attempt, number, duty, sessionId: session.id, answered: false });
    comeToRest(world);
  },
};

export const askAgain: Step<number> = {
  name: "the waiting call is repeated",
  weight: 6,
  given: n,
  take: async (bench, which) => {
    const ready = chooseOf(bench.world.calls, which, (one) => !one.answered && one.duty.item !== null);
    const waiting = which % 3 === 2 ? choose(bench.world.calls, which) : (ready ?? choose(bench.world.calls, which));
    if (waiting === undefined) return;
    const { attempt, number, duty } = waiting;
    const state = attempt.run.state;
    const atWork = judgeNewest(bench.world, attempt) === "ok" && (state === "running" || state === "stopping");
    const gone = judgeNewest(bench.world, attempt) === "run_not_found";
    const answers = waiting.answered ? !gone : atWork && duty.item !== null;
    const expected = answers ? "ok" : gone ? "run_not_found" : "shutting_down";
    expectSame(await call(bench, attempt, number, answers), expected, "repeated call");
    if (!answers || waiting.answered) return;
    waiting.answered = true;
    if (duty.item?.state === "new" && (duty.item.reservedBy ?? waiting) === waiting) duty.item.reservedBy = waiting;
    count(bench, "calls answered");
  },
};

export const confirm: Step<number> = {
  name: "the call's answer is delivered",
  weight: 3,
  given: n,
  take: async (bench, which) => {
    const delivered: Call | undefined = choose(bench.world.calls, which);
    if (delivered === undefined) return;
    const { attempt, number } = delivered;
    const caller = callerOf(bench, attempt, number);
    const told = { runId: caller.runId, attempt: caller.attempt, incarnation: caller.incarnation, call: number };
    expectSame(await codeOf(confirmDelivery(bench.real.deps, told)), "ok", "delivery");
    for (const item of bench.world.items)
      if (item.reservedBy === delivered && item.state === "new")
        Object.assign(item, { state: "consumed", reservedBy: null });
    comeToRest(bench.world);
  },
};
