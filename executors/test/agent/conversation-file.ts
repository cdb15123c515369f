/**
 * The agent's own memory: one JSON file per conversation. It is written when a turn begins and when it ends, by rename,
 * so a reader never sees half of it, and only while this process holds the conversation.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { dirname, join } from "node:path";
import type { Script } from "../script.ts";
import type { Environment } from "./agent-home.ts";
import { agentHome } from "./agent-home.ts";

interface TurnRecord {
  /** A later attempt of the same run repeats its turn instead of taking the next one. */
  readonly run_id: string;
  readonly prompt: string;
  status: "started" | "completed" | "completed_with_denials" | "refused" | "interrupted" | "failed" | "exited";
}

export interface Conversation {
  readonly id: string;
  script: Script | null;
  /** Index of the turn whose prompt brought the script. */
  script_turn: number;
  readonly turns: TurnRecord[];
  readonly messages: { readonly role: "user" | "agent"; readonly text: string }[];
  /** Session ids of children by the name the script gave them. */
  readonly children: Record<string, string>;
  readonly results: Record<string, string>;
}

const ID = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;

export function conversationPath(env: Environment, id: string): string {
  if (!ID.test(id)) throw new Error("the conversation's id is not a safe file name");
  return join(agentHome(env), `${id}.json`);
}

export function newConversation(id: string): Conversation {
  return { id, script: null, script_turn: 0, turns: [], messages: [], children: {}, results: {} };
}

export function readConversation(path: string): Conversation | null {
  try {
    return JSON.parse(readFileSync(path, "utf8")) as Conversation;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return null;
    throw error;
  }
}

export function writeConversation(path: string, conversation: Conversation): void {
  mkdirSync(dirname(path), { recursive: true, mode: 0o700 });
  const next = `${path}.${process.pid}.next`;
  writeFileSync(next, JSON.stringify(conversation), { mode: 0o600 });
  renameSync(next, path);
}

/**
 * Holds the conversation until this process is gone. A name that only the kernel keeps (an abstract socket) needs no cleaning
 * up after a kill and tells the truth across PID namespaces, where a number in a lock file would not. Linux has it alone;
 * elsewhere nothing is held.
 */
export async function holdConversation(path: string): Promise<"held" | "in_use"> {
  if (process.platform !== "linux") return "held";
  const { promise, resolve, reject } = Promise.withResolvers<"held" | "in_use">();
  const server = createServer((socket) => socket.destroy());
  server.once("error", (error: NodeJS.ErrnoException) =>
    error.code === "EADDRINUSE" ? resolve("in_use") : reject(error),
  );
  const { createHash } = await import("node:crypto");
  const name = createHash("sha256").update(path).digest("hex").slice(0, 32);
  server.listen(`\0parallax-test-agent-${name}`, () => resolve("held"));
  server.unref();
  return promise;
}
