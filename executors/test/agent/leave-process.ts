/** Leaves a process behind, in the ways in which agents' tools do it by accident. */
import { spawn } from "node:child_process";
import { assertNever } from "@parallax/shared/errors";
import type { ForkKind, LeaveProcess } from "../script.ts";
import type { Environment } from "./agent-home.ts";

interface Command {
  readonly argv: readonly [string, ...string[]];
  readonly detached: boolean;
}

function commandFor(kind: ForkKind, seconds: string): Command {
  switch (kind) {
    case "child":
      return { argv: ["sleep", seconds], detached: false };
    case "nohup":
      return { argv: ["nohup", "sleep", seconds], detached: false };
    case "setsid":
      return { argv: ["sleep", seconds], detached: true };
    case "double":
      // the shell in the middle is gone at once: what stays has no parent of ours and a session of its own
      return { argv: ["sh", "-c", 'setsid sleep "$0" & exit 0', seconds], detached: true };
    default:
      return assertNever(kind, "kind of process");
  }
}

export async function leaveProcess(
  wanted: LeaveProcess,
  marker: string,
  env: Environment,
): Promise<{ pid: number | null }> {
  const { argv, detached } = commandFor(wanted.kind, String(wanted.command_seconds));
  const output = wanted.hold_output === true ? "inherit" : "ignore";
  const { promise, resolve, reject } = Promise.withResolvers<void>();
  const child = spawn(argv[0], argv.slice(1), {
    detached,
    stdio: ["ignore", output, output],
    env: { ...env, PARALLAX_TEST_FORK: marker },
  });
  child.once("error", reject);
  child.once(wanted.kind === "double" ? "exit" : "spawn", () => resolve());
  await promise;
  child.unref();
  return { pid: wanted.kind === "double" ? null : (child.pid ?? null) };
}
