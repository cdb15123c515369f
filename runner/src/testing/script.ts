import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Frame } from "@parallax/shared/protocol/events";

/** A prompt of the test executor. */
export function script(...steps: readonly object[]): string {
  return JSON.stringify({ steps });
}

/** An agent that says "working", waits until the test lets it go on, and says "done". */
export function gatedScript(dir: string): { readonly prompt: string; release(): void } {
  const gate = join(dir, "gate");
  return {
    prompt: script({ say: "working" }, { wait_for_file: gate }, { say: "done" }),
    release: () => writeFileSync(gate, ""),
  };
}

/** Whether the agent's words are among the frames. */
export function said(frames: readonly Frame[], text: string): boolean {
  return frames.some(({ data }) => data["text"] === text);
}
