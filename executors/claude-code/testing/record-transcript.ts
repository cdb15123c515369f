/**
 * Keeps what the real CLI said as a test's input, when PARALLAX_RECORD_TRANSCRIPTS=1: run the integration tests once with it after the
 * pinned version was raised. Ids, paths, times and addresses are replaced, so that a recording differs only where the CLI does.
 */
import { mkdir, writeFile } from "node:fs/promises";
import { dirname } from "node:path";
import { fileURLToPath } from "node:url";
import type { Invocation } from "@parallax/shared/executor/adapter";

const TRANSCRIPTS = fileURLToPath(new URL("../transcripts/", import.meta.url));

/** Long lists of the first line that no reader looks at. */
const LEFT_OUT = [
  "slash_commands",
  "terminal_slash_commands",
  "skills",
  "plugins",
  "capabilities",
  "agents",
  "memory_paths",
];

export async function recordTranscript(name: string, lines: readonly string[], invocation: Invocation): Promise<void> {
  if (process.env["PARALLAX_RECORD_TRANSCRIPTS"] !== "1") return;
  await mkdir(TRANSCRIPTS, { recursive: true });
  const text = lines.map((line) => `${shorten(line)}\n`).join("");
  await writeFile(`${TRANSCRIPTS}${name}.jsonl`, scrub(text, dirname(invocation.attemptDir)));
}

function shorten(line: string): string {
  const parsed: unknown = JSON.parse(line);
  if (typeof parsed !== "object" || parsed === null) return line;
  return JSON.stringify(Object.fromEntries(Object.entries(parsed).filter(([key]) => !LEFT_OUT.includes(key))));
}

function scrub(text: string, root: string): string {
  const ids = new Map<string, string>();
  return text
    .replaceAll(root, "/place")
    .replaceAll(root.replaceAll("/", "-"), "-place")
    .replaceAll(/[0-9a-f]{8}(-[0-9a-f]{4}){3}-[0-9a-f]{12}/g, (id) => {
      const known = ids.get(id) ?? `00000000-0000-4000-8000-${String(ids.size + 1).padStart(12, "0")}`;
      ids.set(id, known);
      return known;
    })
    .replaceAll(/\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z/g, "2026-01-01T00:00:00.000Z")
    .replaceAll(/127\.0\.0\.1:\d+/g, "127.0.0.1:1")
    .replaceAll(/cc-socks\/\d+/g, "cc-socks/1")
    .replaceAll(/"(\w+_ms|end_time)":\d+/g, '"$1":1');
}
