/** Claude Code's own id of a conversation and the file it keeps it in. */
import { createHash } from "node:crypto";
import { access, readdir } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";

const NAMESPACE = Buffer.from("2e6f0a6b8f6d4d0c9b5b7a3d5c1e9f40", "hex");
const UUID = /^[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}$/i;

/**
 * The id a run's first attempt gives to its conversation, and every later attempt finds again: a name-based UUID (version 5).
 * It comes from the run and not from the session alone, because sessions of two projects may have the same name, and one must not
 * continue the conversation of the other.
 */
export function conversationIdOf(runId: string, sessionId: string): string {
  const hash = createHash("sha1")
    .update(NAMESPACE)
    .update(JSON.stringify([runId, sessionId]))
    .digest()
    .subarray(0, 16);
  hash.writeUInt8((hash.readUInt8(6) & 0x0f) | 0x50, 6);
  hash.writeUInt8((hash.readUInt8(8) & 0x3f) | 0x80, 8);
  return hash.toString("hex").replace(/^(.{8})(.{4})(.{4})(.{4})(.{12})$/, "$1-$2-$3-$4-$5");
}

export function isConversationId(value: string): boolean {
  return UUID.test(value);
}

/**
 * The conversation's file, or null when there is none. It lies in a folder named after the directory where it began, so all folders
 * are looked at. The CLI writes the file some 50 ms after it took the first prompt; an attempt killed before that has none.
 */
export async function findConversationFile(id: string, env: Readonly<Record<string, string>>): Promise<string | null> {
  const projects = join(env["CLAUDE_CONFIG_DIR"] ?? join(env["HOME"] ?? homedir(), ".claude"), "projects");
  for (const project of await readdir(projects).catch(() => [])) {
    const path = join(projects, project, `${id}.jsonl`);
    const found = await access(path).then(
      () => true,
      () => false,
    );
    if (found) return path;
  }
  return null;
}
