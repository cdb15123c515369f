import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { stopSession } from "../runs/stop-run.ts";
import { listItems } from "../store/inbox.ts";
import type { RunnerRecord } from "../store/records.ts";
import { listRuns } from "../store/runs.ts";
import { findSession } from "../store/sessions.ts";
import { aRunner, finish, type LiveAttempt, startAttempt, submit } from "../testing/drive.ts";
import { makeTestDeps, type TestDeps } from "../testing/make-test-deps.ts";
import { sendMessage } from "./send-message.ts";

const P = "default";
let deps: TestDeps;
let runner: RunnerRecord;
beforeAll(async () => {
  deps = await makeTestDeps();
  runner = await aRunner(deps);
});
afterAll(async () => await deps.close());

const atWork = async () => await startAttempt(deps, runner, (await submit(deps)).run_id);
const say = async (live: LiveAttempt, text: string, ifBusy: "queue" | "reject" | "steer" = "queue") =>
  await sendMessage(deps, { projectId: P, sessionId: live.agent.sessionId, text, ifBusy });
const pending = async (live: LiveAttempt) =>
  await listRuns(deps.store.db, P, { sessionId: live.agent.sessionId, state: "pending", limit: 5 });
const items = async (live: LiveAttempt) =>
  (await listItems(deps.store.db, P, live.agent.sessionId, 20)).map((item) => item.state).toReversed();

describe("a message", () => {
  it("to a session at rest resumes it with these words, at once", async () => {
    const live = await atWork();
    await finish(deps, live);
    expect(await say(live, "and now?")).toMatchObject({ status: "assigned" });
    const [run] = await pending(live);
    expect(run).toMatchObject({ type: "resume_session", origin: "callback", ready: true });
    expect((await startAttempt(deps, runner, run?.id)).offer.prompt).toBe("and now?");
  });

  it("to a session at work waits, and goes with all others into one message when the run ends", async () => {
    const live = await atWork();
    expect(await say(live, "one")).toMatchObject({ status: "new" });
    await say(live, "two");
    expect(await pending(live)).toEqual([]);
    await finish(deps, live);
    const [run, ...more] = await pending(live);
    expect(more).toEqual([]);
    const next = await startAttempt(deps, runner, run?.id);
    expect(next.offer.prompt).toBe("one\n\ntwo");
    await finish(deps, next);
    expect(await items(live)).toEqual(["consumed", "consumed"]);
  });

  it("many at once to a session at rest makes one run, and none is lost or doubled", async () => {
    const live = await atWork();
    await finish(deps, live);
    const texts = Array.from({ length: 12 }, (_none, index) => `word ${index}`);
    await Promise.all(texts.map(async (text) => await say(live, text)));
    const runs = await pending(live);
    expect(runs).toHaveLength(1);
    const { prompt } = (await startAttempt(deps, runner, runs[0]?.id)).offer;
    expect(prompt.split("\n\n").toSorted()).toEqual(texts.toSorted());
  });

  it("that does not want to wait is refused by a session at work and leaves nothing there", async () => {
    const live = await atWork();
    await expect(say(live, "now!", "reject")).rejects.toMatchObject({ code: "session_busy" });
    await expect(say(live, "now!", "steer")).rejects.toMatchObject({ code: "unsupported_option" });
    expect(await items(live)).toEqual([]);
  });

  it("to a session that is being stopped means that it shall go on afterwards", async () => {
    const live = await atWork();
    await stopSession(deps, { projectId: P, sessionId: live.agent.sessionId, runId: null, cascade: true, reason: "t" });
    await say(live, "no, do this instead");
    await finish(deps, live, { outcome: "stopped" });
    expect(await pending(live)).toHaveLength(1);
    expect(await findSession(deps.store.db, P, live.agent.sessionId)).toMatchObject({ held: false, settledAt: null });
  });

  it("to nobody is an unknown session", async () => {
    const to = { projectId: P, sessionId: "ses_nowhere", text: "x", ifBusy: "queue" } as const;
    await expect(sendMessage(deps, to)).rejects.toMatchObject({ code: "session_not_found" });
  });
});
