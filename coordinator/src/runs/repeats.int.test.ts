import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { appendFrames } from "../events/append-frames.ts";
import { reportLoss } from "../leases/report-loss.ts";
import { registerRunner } from "../runners/register-runner.ts";
import { sendMessage } from "../sessions/send-message.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { findRun, listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { aRunner, claim, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { replayOffers } from "./claim-runs.ts";
import { completeRun } from "./complete-run.ts";
import { greetSupervisor } from "./greet-supervisor.ts";
import { bindSession, noteTaken } from "./note-progress.ts";
import { startRun } from "./start-run.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const read = async (runId: string) => await findRun(deps.store.db, runId);
const live = async () => await startAttempt(deps, runner, (await submit(deps)).run_id);
const authorOf = (of: LiveAttempt) => ({ runId: of.agent.runId, attempt: 1, incarnation: of.incarnation });
const claimerOf = (of: LiveAttempt) => ({ runId: of.agent.runId, attempt: 1, runnerId: runner.id, proven: true });

/** What a repeat may not change; the lease and its renewal it may. */
async function factsOf(of: LiveAttempt): Promise<unknown> {
  const { leaseExpiresAt: _lease, renewedAt: _renewed, ...run } = (await read(of.agent.runId)) ?? {};
  const { lastActivityAt: _active, ...session } = (await findSession(deps.store.db, P, of.agent.sessionId)) ?? {};
  return { run, session, items: await listItems(deps.store.db, P, of.agent.sessionId, 10) };
}

describe("the same word again, because its answer was lost, gets the same answer and changes nothing:", () => {
  const words: Record<string, (of: LiveAttempt) => Promise<unknown>> = {
    started: async (of) => Object.keys(await startRun(deps, claimerOf(of))),
    hello: async (of) => await greetSupervisor(deps, { ...authorOf(of), hostname: "test-host" }),
    "the agent's own id": async (of) => await bindSession(deps, authorOf(of), "own-id"),
    "items taken": async (of) => await noteTaken(deps, authorOf(of), of.offer.items),
    frames: async (of) =>
      await appendFrames(deps, {
        ...authorOf(of),
        frames: [{ frame: 1, type: "output", at: new Date().toISOString(), data: { text: "x" } }],
        acknowledgedDirectives: [],
      }),
    completed: async (of) => (await finish(deps, of)).status,
    lost: async (of) => await reportLoss(deps, claimerOf(of), runner.instanceId ?? "", "dead"),
  };
  it.each(Object.keys(words))("%s", async (name) => {
    const created = await live();
    await finish(deps, created);
    await sendMessage(deps, { projectId: P, sessionId: created.agent.sessionId, text: "m", ifBusy: "queue" });
    const [next] = await listRuns(deps.store.db, P, { sessionId: created.agent.sessionId, state: "pending", limit: 1 });
    const author = await startAttempt(deps, runner, next?.id);
    const first = await words[name]?.(author);
    const facts = await factsOf(author);
    expect(await words[name]?.(author)).toEqual(first);
    expect(await factsOf(author)).toEqual(facts);
  });

  it("an offer, to the same poll, its deadline not renewed", async () => {
    const { run_id } = await submit(deps);
    const offer = await claim(deps, runner, run_id, "poll_again");
    const before = await read(run_id);
    expect(await replayOffers(deps, runner.id, "poll_again")).toEqual([offer]);
    expect(await read(run_id)).toEqual(before);
    await startRun(deps, { runId: run_id, attempt: 1, runnerId: runner.id, proven: true });
    expect(await replayOffers(deps, runner.id, "poll_again")).toEqual([]);
  });
});

describe("a supervisor", () => {
  it("is the one whose hello came first; another of the same attempt is refused whatever it says", async () => {
    const first = await live();
    const second = { runId: first.agent.runId, attempt: 1, incarnation: deps.ids.make("incarnation") };
    const refused = { code: "supervisor_superseded" };
    await expect(greetSupervisor(deps, { ...second, hostname: "h" })).rejects.toMatchObject(refused);
    await expect(bindSession(deps, second, "own-id")).rejects.toMatchObject(refused);
    await expect(noteTaken(deps, second, [])).rejects.toMatchObject(refused);
    await expect(appendFrames(deps, { ...second, frames: [], acknowledgedDirectives: [] })).rejects.toMatchObject(
      refused,
    );
    await expect(finish(deps, { ...first, incarnation: second.incarnation })).rejects.toMatchObject(refused);
    await finish(deps, first);
  });

  it("of two that say hello at once is one", async () => {
    const { run_id } = await submit(deps);
    await claim(deps, runner, run_id);
    await startRun(deps, { runId: run_id, attempt: 1, runnerId: runner.id, proven: true });
    const hellos = await Promise.allSettled(
      Array.from({ length: 5 }, async () =>
        greetSupervisor(deps, { runId: run_id, attempt: 1, incarnation: deps.ids.make("incarnation"), hostname: "h" }),
      ),
    );
    expect(hellos.filter((hello) => hello.status === "fulfilled")).toHaveLength(1);
  });
});

describe("a loss", () => {
  it("reported by an old process of the runner, thawed after its successor took over, is refused", async () => {
    const of = await live();
    await expect(reportLoss(deps, claimerOf(of), "ins_before", "dead")).rejects.toMatchObject({
      code: "duplicate_runner",
    });
    expect(await read(of.agent.runId)).toMatchObject({ state: "running" });
  });

  it("of an attempt that has ended or was superseded is old news", async () => {
    const of = await live();
    await reportLoss(deps, claimerOf(of), runner.instanceId ?? "", "dead");
    const second = await startAttempt(deps, runner, of.agent.runId);
    await reportLoss(deps, claimerOf(of), runner.instanceId ?? "", "dead");
    expect(await read(of.agent.runId)).toMatchObject({ state: "running", attempt: 2 });
    await finish(deps, second);
    await reportLoss(deps, { ...claimerOf(of), attempt: 2 }, runner.instanceId ?? "", "dead");
    expect(await read(of.agent.runId)).toMatchObject({ state: "completed" });
  });
});

describe("a plain runner", () => {
  it("may report the end before the start, and may declare the session finished", async () => {
    const plain = await registerRunner(deps, P, { hostname: "plain", project_dir: "/tmp" });
    const created = await submit(deps);
    await claim(deps, plain, created.run_id);
    const claimer = { runId: created.run_id, attempt: 1, runnerId: plain.id, proven: false };
    const report = { outcome: "completed", incarnation: null, log: null, treeGone: true, finishSession: true } as const;
    await completeRun(deps, claimer, report);
    await startRun(deps, claimer);
    await completeRun(deps, claimer, report);
    expect(await read(created.run_id)).toMatchObject({ state: "completed", attempt: 1 });
    expect(await findSession(deps.store.db, P, created.session_id)).toMatchObject({ state: "finished" });
    const stranger = { ...claimer, runnerId: runner.id };
    await expect(startRun(deps, stranger)).rejects.toMatchObject({ code: "not_the_claimer" });
  });
});
