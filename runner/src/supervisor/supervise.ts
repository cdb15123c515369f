/**
 * The life of one attempt: lock, hello, agent, completion, rest of the log. Returns when nothing is left to do; the
 * directory is gone then, unless somebody else has to report what happened.
 */
import type { Clock } from "@parallax/shared/clock";
import type { Ids } from "@parallax/shared/ids";
import type { AttemptFiles } from "../attempts/attempt-files.ts";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import { readJsonFile, writeDurably } from "../attempts/durable-file.ts";
import type { HttpClient } from "../http/http-client.ts";
import { createAttemptClient } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import type { AttemptOver } from "./attempt-over.ts";
import { makeCompletion, removeAttempt, reportCompletion } from "./complete-attempt.ts";
import { type Connection, connectAttempt } from "./connect-attempt.ts";
import type { ControlSocket } from "./control-socket.ts";
import { type AttemptEnd, doWork } from "./do-work.ts";
import { sayHello } from "./say-hello.ts";
import { releaseReserve } from "./spool/reserve.ts";
import type { StopRequests } from "./stop-agent.ts";

export interface SupervisorDeps {
  readonly spec: AttemptSpec;
  readonly files: AttemptFiles;
  readonly control: ControlSocket;
  readonly over: AttemptOver;
  readonly stops: StopRequests;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly log: AttemptLog;
  readonly http: HttpClient;
}

/** done: the directory is removed. reported_elsewhere: whoever watches finds in it what there is to report. */
export type SupervisorResult = "done" | "reported_elsewhere";

const TELL_LEASE_EVERY_MS = 2_000;
const FLUSH_BEFORE_COMPLETION_MS = 2_000;
const REST_OF_LOG_MS = 60_000;

export async function supervise(deps: SupervisorDeps): Promise<SupervisorResult> {
  const { spec, files, log, over, stops, control } = deps;
  if ((await readJsonFile(files.incarnation)) !== null) {
    log.error({}, "another supervisor of this attempt began before, so its agent is not started again");
    return "reported_elsewhere";
  }
  const incarnation = deps.ids.make("incarnation");
  await writeDurably(files.incarnation, JSON.stringify({ incarnation, pid: process.pid }));
  const client = createAttemptClient(deps.http, spec, incarnation);

  const hello = await sayHello({ client, clock: deps.clock, log, over, incarnation });
  if (hello === null) return leave(deps, control, over);
  control.publish({ phase: "supervised" });
  const connection = await connectAttempt({ ...deps, client, incarnation, over, stops }, hello);
  const tellLease = (): void => control.publish({ lease: connection.lease.report() });
  tellLease();
  const telling = setInterval(tellLease, TELL_LEASE_EVERY_MS);
  try {
    const end = await doWork({ ...deps, client, incarnation, over, stops, control, connection });
    clearInterval(telling);
    if (over.reason !== null) return await leave(deps, control, over);
    return await report(deps, { connection, control, over, incarnation, end });
  } finally {
    clearInterval(telling);
    await connection.close();
  }
}

interface Reporting {
  readonly connection: Connection;
  readonly control: ControlSocket;
  readonly over: AttemptOver;
  readonly incarnation: string;
  readonly end: AttemptEnd;
}

async function report(
  deps: SupervisorDeps,
  { connection, control, over, incarnation, end }: Reporting,
): Promise<SupervisorResult> {
  control.publish({ phase: "reporting", tree: "gone", lease: null });
  await releaseReserve(deps.files.reserve);
  const seal = await connection.spool.seal();
  const { executorSessionId, itemsTaken } = connection.state;
  const completion = makeCompletion({ incarnation, ...end, executorSessionId, itemsTaken, seal });
  const flushed = connection.sender.flushed(FLUSH_BEFORE_COMPLETION_MS);
  const result = await reportCompletion(
    { client: connection.client, log: deps.log, over },
    deps.files,
    completion,
    flushed,
  );
  deps.log.info({ outcome: completion.outcome, result }, "completion reported");
  if (result === "refused") return "reported_elsewhere";
  if (result === "acknowledged") {
    control.publish({ phase: "uploading" });
    await connection.finishLog(REST_OF_LOG_MS);
  }
  return leave(deps, control, over);
}

async function leave(deps: SupervisorDeps, control: ControlSocket, over: AttemptOver): Promise<SupervisorResult> {
  const { reason } = over;
  if (reason !== null) deps.log.warn({ ...reason }, "the attempt is over");
  if (reason?.kind === "given_up") {
    control.publish({ phase: "left", tree: "gone", leftBecause: reason.message });
    return "reported_elsewhere";
  }
  await removeAttempt(deps.files);
  control.publish({ phase: "left", tree: "gone", leftBecause: reason?.message ?? null });
  return "done";
}
