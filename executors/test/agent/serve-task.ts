/** The process around one turn: reads its stdin, serves its signals, writes its lines. */
import { randomBytes } from "node:crypto";
import { createInterface } from "node:readline";
import type { AgentLine, AgentNudge, AgentTask } from "../wire.ts";
import { LINE_MARK } from "../wire.ts";
import type { Environment } from "./agent-home.ts";
import type { ToolClient } from "./call-tool.ts";
import { createToolClient } from "./call-tool.ts";
import { AgentError, takeTurn } from "./take-turn.ts";
import { writeWithRoom } from "./write-output.ts";

type AgentProcess = Pick<NodeJS.Process, "stdin" | "stdout" | "stderr" | "on">;

/** Returns the exit code; never throws. */
export async function serveTask(process: AgentProcess, env: Environment): Promise<number> {
  const write = (line: AgentLine) => process.stdout.write(`${JSON.stringify({ from: LINE_MARK, ...line })}\n`);
  const interrupt = new AbortController();
  let signalsIgnored = false;
  const onInterrupt = () => {
    if (!signalsIgnored) interrupt.abort();
  };
  process.on("SIGINT", onInterrupt);
  const mailbox = createMailbox(interrupt.signal, (text) => write({ type: "steered", text }));

  try {
    const task = await readTask(process.stdin, (nudge) => {
      if ("interrupt" in nudge) onInterrupt();
      else if (typeof nudge.message === "string") mailbox.put(nudge.message);
    });
    return await takeTurn(
      {
        env,
        write,
        signal: interrupt.signal,
        steered: mailbox.messages,
        waitForSteer: mailbox.wait,
        tools: makeTools(task, env),
        makeId: () => `tst_${randomBytes(8).toString("hex")}`,
        writeRaw: (stream, text) => writeWithRoom(process[stream], text),
        ignoreSignals: () => {
          signalsIgnored = true;
          process.on("SIGTERM", () => {});
          process.on("SIGHUP", () => {});
        },
      },
      task,
    );
  } catch (error) {
    const message = error instanceof Error ? error.message : String(error);
    write({ type: "error", reason: error instanceof AgentError ? error.reason : "failed", message });
    return 1;
  }
}

function createMailbox(signal: AbortSignal, onMessage: (text: string) => void) {
  const messages: string[] = [];
  let unread = 0;
  let wake: (() => void) | null = null;
  return {
    messages,
    put(text: string) {
      messages.push(text);
      unread += 1;
      onMessage(text);
      wake?.();
    },
    async wait(): Promise<void> {
      const { promise, resolve, reject } = Promise.withResolvers<void>();
      wake = resolve;
      signal.addEventListener("abort", () => reject(signal.reason), { once: true });
      if (unread > 0) resolve();
      // a pending promise alone does not keep the process alive when stdin is closed
      const alive = setInterval(() => {}, 2 ** 30);
      await promise.finally(() => clearInterval(alive));
      unread = 0;
    },
  };
}

function readTask(stdin: NodeJS.ReadableStream, onNudge: (nudge: AgentNudge) => void): Promise<AgentTask> {
  const { promise, resolve, reject } = Promise.withResolvers<AgentTask>();
  let isTaskRead = false;
  const lines = createInterface({ input: stdin });
  lines.on("line", (line) => {
    try {
      const value: unknown = JSON.parse(line);
      if (isTaskRead) return onNudge(value as AgentNudge);
      if (typeof (value as Partial<AgentTask> | null)?.prompt !== "string") throw new Error("not a task");
      isTaskRead = true;
      return resolve(value as AgentTask);
    } catch {
      return reject(new AgentError("bad_task", "the first line of stdin is not a JSON task"));
    }
  });
  lines.on("close", () => reject(new AgentError("bad_task", "stdin ended before the task")));
  return promise;
}

function makeTools(task: AgentTask, env: Environment): (server: string | undefined) => ToolClient {
  const clients = new Map<string, ToolClient>();
  return (server) => {
    const name = server ?? "";
    const known = clients.get(name);
    if (known !== undefined) return known;
    const config = server === undefined ? undefined : task.mcp_servers[server];
    const url = server === undefined ? env.AGENT_ORCHESTRATOR_MCP_URL : config?.url;
    if (url === undefined) {
      const what =
        server === undefined ? "AGENT_ORCHESTRATOR_MCP_URL is not set" : `no HTTP MCP server is known as ${server}`;
      throw new Error(what);
    }
    const client = createToolClient({ url, headers: config?.headers ?? {} });
    clients.set(name, client);
    return client;
  };
}
