import type { CreateRun } from "@parallax/shared/protocol/runs";
import fc from "fast-check";
import { createRun } from "../../runs/create-run.ts";
import { chooseAttempt } from "./attempts.ts";
import { comeToRest } from "./come-to-rest.ts";
import { type Asked, type Asker, addRun, addSession, judgeResume, judgeStart } from "./creating.ts";
import { codeOf } from "./real.ts";
import { sessionOf } from "./rules.ts";
import { type Bench, choose, expectSame, type Step } from "./step.ts";
import type { Attempt } from "./world.ts";

const IN_A_DAY = () => new Date(Date.now() + 86_400_000).toISOString();

const asked = (...modes: Asked["mode"][]): fc.Arbitrary<Asked> =>
  fc.record({
    mode: fc.constantFrom(...modes),
    join: fc.constantFrom(null, null, "all", "each"),
    onLost: fc.constantFrom(null, null, null, "restart", "fail"),
    priority: fc.constantFrom(null, null, 1, 5),
    later: fc.constantFrom(false, false, false, false, false, true),
  });

function requestOf({ mode, join, onLost, priority, later }: Asked): Partial<CreateRun> {
  return {
    prompt: "work",
    executor: "test",
    execution_mode: mode,
    ...(join === null ? {} : { join }),
    ...(onLost === null ? {} : { on_lost: onLost }),
    ...(priority === null ? {} : { priority }),
    ...(later ? { not_before: IN_A_DAY() } : {}),
  };
}

const authorOf = (bench: Bench, agent: Attempt | null) => ({
  projectId: bench.real.project,
  origin: agent === null ? ("request" as const) : ("agent" as const),
  agent: agent === null ? null : { runId: agent.run.id ?? "", attempt: agent.number, sessionId: agent.run.session },
  idempotency: null,
  retryOfRunId: null,
});

async function start(bench: Bench, asker: Asker, wanted: Asked): Promise<void> {
  const { world, real } = bench;
  const expected = judgeStart(world, asker);
  let created = { run_id: "", session_id: "" };
  const request = {
    ...requestOf(wanted),
    type: "start_session" as const,
    ...(asker.parent === null || asker.agent !== null ? {} : { parent_session_id: asker.parent }),
  };
  const work = createRun(real.deps, authorOf(bench, asker.agent), request).then((answer) => (created = answer));
  expectSame(await codeOf(work), expected, "start");
  if (expected !== "ok") return;
  addRun(world, created.run_id, addSession(world, created.session_id, asker.parent), asker, wanted);
  comeToRest(world);
}

async function resume(bench: Bench, sessionId: string, asker: Asker, wanted: Asked): Promise<void> {
  const { world, real } = bench;
  const session = sessionOf(world, sessionId);
  const expected = session === undefined ? "session_not_found" : judgeResume(world, session, asker, wanted);
  let runId = "";
  const request = {
    ...requestOf(wanted),
    type: "resume_session" as const,
    session_id: sessionId,
    ...(asker.parent === null || asker.agent !== null ? {} : { parent_session_id: asker.parent }),
  };
  const work = createRun(real.deps, authorOf(bench, asker.agent), request).then((answer) => (runId = answer.run_id));
  expectSame(await codeOf(work), expected, "resume");
  if (expected !== "ok" || session === undefined) return;
  addRun(world, runId, session, asker, wanted);
  comeToRest(world);
}

const n = fc.nat({ max: 30 });

export const startRoot: Step<Asked> = {
  name: "start",
  weight: 2,
  given: asked("sync"),
  take: async (bench, wanted) => await start(bench, { agent: null, parent: null }, wanted),
};

export const startByAgent: Step<[number, Asked]> = {
  name: "agent starts child",
  weight: 8,
  given: fc.tuple(n, asked("async_callback", "async_callback", "async_poll", "sync")),
  take: async (bench, [which, wanted]) => {
    const agent = chooseAttempt(bench.world, which);
    if (agent !== undefined) await start(bench, { agent, parent: agent.run.session }, wanted);
  },
};

export const startByPerson: Step<[number, Asked]> = {
  name: "person starts child",
  weight: 1,
  given: fc.tuple(n, asked("async_callback", "async_poll", "sync")),
  take: async (bench, [which, wanted]) => {
    const parent = choose(bench.world.sessions, which);
    if (parent !== undefined) await start(bench, { agent: null, parent: parent.id }, wanted);
  },
};

export const resumeByPerson: Step<[number, number | null, Asked]> = {
  name: "person resumes",
  weight: 3,
  given: fc.tuple(n, fc.option(n, { freq: 2 }), asked("sync", "async_callback", "async_poll")),
  take: async (bench, [which, above, wanted]) => {
    const session = choose(bench.world.sessions, which);
    const parent = above === null ? null : (choose(bench.world.sessions, above)?.id ?? null);
    if (session !== undefined) await resume(bench, session.id, { agent: null, parent }, wanted);
  },
};

export const resumeByAgent: Step<[number, number, Asked]> = {
  name: "agent resumes",
  weight: 2,
  given: fc.tuple(n, n, asked("async_callback", "async_poll", "sync")),
  take: async (bench, [which, whom, wanted]) => {
    const agent = chooseAttempt(bench.world, which);
    const session = choose(bench.world.sessions, whom);
    // an agent that is gone with its session has no session to report to, and its fence speaks first
    if (agent === undefined || session === undefined) return;
    await resume(bench, session.id, { agent, parent: agent.run.session }, wanted);
  },
};
