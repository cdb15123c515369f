/** The supervisor of one attempt: `node runner/src/supervisor/main.ts <attempt directory>`. Secrets are in its spec only. */
import { flushCompileCache } from "node:module";
import { basename } from "node:path";
import { systemClock } from "@parallax/shared/clock";
import { randomIds } from "@parallax/shared/ids";
import { holdLock, lockAddress } from "../alive-lock/hold-lock.ts";
import { attemptFiles } from "../attempts/attempt-files.ts";
import { createHttpClient } from "../http/http-client.ts";
import { createAttemptLog } from "./attempt-log.ts";
import { createAttemptOver } from "./attempt-over.ts";
import { serveControl } from "./control-socket.ts";
import { readSpec } from "./read-spec.ts";
import { createStopRequests } from "./stop-agent.ts";
import { supervise } from "./supervise.ts";

const [, , directory] = process.argv;
if (directory === undefined) throw new Error("usage: main.ts <attempt directory>");
const files = attemptFiles(directory);
const log = createAttemptLog(process.stderr.fd, {
  component: "supervisor",
  attempt: basename(directory),
  pid: process.pid,
});

// A terminal's hang-up or Ctrl-C is for the runner; what ends an attempt comes through its control socket.
process.on("SIGHUP", () => undefined);
process.on("SIGINT", () => undefined);
process.on("uncaughtException", (error) => {
  log.error({ err: error.stack ?? String(error) }, "the supervisor failed");
  process.exit(1);
});

const spec = await readSpec(files.spec);
const over = createAttemptOver();
const stops = createStopRequests();
const control = serveControl(spec.controlSecret, (command) => {
  log.info({ command: command.command, reason: command.reason }, "told by the runner");
  if (command.command === "stop") stops.request({ kind: "stop", reason: command.reason });
  else over.end({ kind: "superseded", code: "attempt_superseded", message: command.reason });
});
const lock = await holdLock(lockAddress(spec.controlName, files.controlSocket), control.accept);
if (lock === null) {
  log.info({}, "another supervisor of this attempt is alive");
  process.exit(0);
}
// Written now and not only at the exit, which may be hours away: the next supervisors start without a TypeScript compiler.
flushCompileCache();
const http = createHttpClient(process.env);
const result = await supervise({ spec, files, control, over, stops, clock: systemClock, ids: randomIds, log, http });
process.exit(result === "done" ? 0 : 1);
