/**
 * The scripted model as a process of its own: `node main.ts [--port N] [--log-file F]`.
 * Prints `{"url":"…"}` when it listens. Each request adds two lines to the log file: when it arrives and when it ends.
 */
import { appendFileSync } from "node:fs";
import { parseArgs } from "node:util";
import { startModelServer } from "./server.ts";

const { values } = parseArgs({ options: { port: { type: "string" }, "log-file": { type: "string" } } });
const logFile = values["log-file"];

const server = await startModelServer({
  port: Number(values.port ?? 0),
  onRequest: (event, entry) => {
    if (logFile === undefined) return;
    const { number, status, usage, clientAborted } = entry;
    const line = event === "request" ? { event, ...entry } : { event, number, status, usage, clientAborted };
    appendFileSync(logFile, `${JSON.stringify(line)}\n`, { mode: 0o600 });
  },
});
process.stdout.write(`${JSON.stringify({ url: server.url })}\n`);

for (const signal of ["SIGINT", "SIGTERM"] as const) {
  process.once(signal, () => {
    void server.close().then(() => process.exit(0));
  });
}
