import { once } from "node:events";
import type { Writable } from "node:stream";

/** Writes, and waits while the reader is behind: an agent's output must not pile up in its memory. */
export async function writeWithRoom(stream: Writable, text: string): Promise<void> {
  if (!stream.write(text) && !stream.destroyed) await once(stream, "drain").catch(() => undefined);
}

/** Resolves when everything written so far has left this process, or when nobody is there any more to read it. */
export function writtenOut(stream: Writable): Promise<void> {
  return new Promise((resolve) => {
    // A reader that is gone makes the stream fail as well as the write; neither must change the exit code.
    stream.on("error", () => resolve());
    stream.write("", () => resolve());
  });
}
