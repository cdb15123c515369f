import type { Clock } from "@parallax/shared/clock";
import type { Ending } from "@parallax/shared/executor/adapter";
import type { AttemptFiles } from "../attempts/attempt-files.ts";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import { pause } from "../http/backoff.ts";
import type { HttpClient } from "../http/http-client.ts";
import type { AttemptClient } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import type { AttemptOver } from "./attempt-over.ts";
import type { Connection } from "./connect-attempt.ts";
import type { ControlSocket } from "./control-socket.ts";
import { endingOfError, endingOfStop } from "./decide-ending.ts";
import { createCallNumbers } from "./gateway/call-numbers.ts";
import { openGateway } from "./gateway/open-gateway.ts";
import { prepareAgent } from "./prepare-agent.ts";
import type { TreeExit } from "./process-tree/process-tree.ts";
import { runAgent } from "./run-agent.ts";
import type { StopRequests } from "./stop-agent.ts";

export interface WorkDeps {
  readonly spec: AttemptSpec;
  readonly files: AttemptFiles;
  readonly clock: Clock;
  readonly log: AttemptLog;
  readonly http: HttpClient;
  readonly client: AttemptClient;
  readonly incarnation: string;
  readonly over: AttemptOver;
  readonly stops: StopRequests;
  readonly control: ControlSocket;
  readonly connection: Connection;
}

export interface AttemptEnd {
  readonly ending: Ending;
  readonly exit: TreeExit | null;
}

/** Prepares and runs the agent behind its gateway. Whatever goes wrong is an ending with its reason, never a throw. */
export async function doWork(deps: WorkDeps): Promise<AttemptEnd> {
  const gateway = await openGateway({
    http: deps.http,
    client: deps.client,
    log: deps.log,
    incarnation: deps.incarnation,
    nextCallNumber: createCallNumbers(deps.files.callNumber),
  });
  try {
    const agent = await prepareAgent(deps.spec, deps.files, gateway.mcpUrl);
    const { lease, spool, state } = deps.connection;
    // Preparing may have taken longer than the lease; nothing starts that would have to be frozen at once.
    while (lease.frozen && !deps.over.signal.aborted) await pause(100, deps.over.signal);
    if (deps.stops.cause !== null) return { ending: endingOfStop(deps.stops.cause), exit: null };
    if (deps.over.signal.aborted) return { ending: endingOfError(new Error("the attempt is over")), exit: null };
    const { spec, clock, log, stops, over, control } = deps;
    return await runAgent({ spec, clock, log, lease, spool, state, stops, over, control }, agent);
  } catch (error) {
    deps.log.error({ err: String(error) }, "the agent could not be run");
    const ending = endingOfError(error);
    deps.connection.spool.append({ type: "error", data: { ...ending.error } });
    return { ending, exit: null };
  } finally {
    gateway.close();
  }
}
