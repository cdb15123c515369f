/**
 * The thread in which an agent's output is read: cut into lines, understood by the executor's adapter, made fit for the log.
 * Whatever an agent writes, and however long an adapter takes over it, the supervisor's own loop goes on renewing its lease.
 */
import { flushCompileCache } from "node:module";
import { parentPort, workerData } from "node:worker_threads";
import { loadExecutor } from "../../executors/load-executor.ts";
import { createReaderSession } from "./read-chunks.ts";
import type { ReaderRequest, ReaderSetup } from "./reader-protocol.ts";

const setup = workerData as ReaderSetup;
const port = parentPort;
if (port === null) throw new Error("this is the start of a thread, not of a process");
const adapter = await loadExecutor(setup.executor);
const session = createReaderSession(adapter.createReader(setup.invocation), setup.eventBytesMax);
port.on("message", (request: ReaderRequest) => port.postMessage(session.answer(request)));
flushCompileCache();
