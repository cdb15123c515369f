import { spawnSync } from "node:child_process";
import { randomUUID } from "node:crypto";
import { startTree } from "./start-tree.ts";
import type { NamespaceTools, TreeSupport } from "./tree-support.ts";
import { findTool } from "./tree-support.ts";

const PROBE_MS = 5_000;

/** Inside, a shell has a low number and can die of a signal; both must be seen from here as they are. */
const PROBE_SCRIPT = '[ "$$" -lt 32 ] && [ -e "/proc/$$/stat" ] && kill -s KILL "$$"; exit 1';

let detected: Promise<TreeSupport> | undefined;

/** Probes the host once per process: about 50 ms, then free. */
export function detectTreeKind(): Promise<TreeSupport> {
  detected ??= probeTreeKind();
  return detected;
}

export async function probeTreeKind(): Promise<TreeSupport> {
  const setpriv = findSetpriv();
  if (process.platform !== "linux")
    return groupSupport(null, `this system (${process.platform}) has no PID namespaces`);
  const problems: string[] = [];
  for (const tools of candidates(setpriv, problems)) {
    const problem = await tryNamespace(tools, setpriv);
    if (problem === null) return namespaceSupport(tools, setpriv);
    problems.push(`${tools.userNamespace ? "with a user namespace" : "as root"}: ${problem}`);
  }
  return groupSupport(setpriv, `PID namespaces cannot be used here (${[...new Set(problems)].join("; ")})`);
}

function candidates(setpriv: string | null, problems: string[]): NamespaceTools[] {
  const [sh, unshare, nsenter, setsid] = ["sh", "unshare", "nsenter", "setsid"].map(findTool);
  if (!sh || !unshare || !nsenter || !setsid) {
    problems.push("sh, unshare, nsenter or setsid is missing; install util-linux");
    return [];
  }
  const timeout = findTool("timeout");
  // util-linux before 2.39 cannot repeat a death by SIGKILL in unshare, so coreutils' timeout (without a time) waits there.
  const waiters = [[unshare, "--fork", "--kill-child", "--"], ...(timeout ? [[timeout, "--foreground", "0"]] : [])];
  const userNamespaces = process.getuid?.() === 0 ? [false, true] : [true];
  return userNamespaces.flatMap((userNamespace) =>
    waiters.map((waiter) => ({ sh, unshare, nsenter, setsid, waiter, setpriv, userNamespace })),
  );
}

/** Null if an agent that dies inside is seen to die just so; otherwise what went wrong. */
async function tryNamespace(tools: NamespaceTools, setpriv: string | null): Promise<string | null> {
  const support = namespaceSupport(tools, setpriv);
  const marker = `probe-${randomUUID()}`;
  const argv = [tools.sh, "-c", PROBE_SCRIPT];
  const command = { program: tools.sh, args: argv.slice(1) };
  try {
    const limits = { bootMs: PROBE_MS };
    const tree = await startTree(command, { argv, cwd: "/", env: {}, marker, limits }, support);
    const giveUp = setTimeout(() => void tree.kill().catch(() => undefined), PROBE_MS);
    const { exitCode, signal } = await tree.exited;
    clearTimeout(giveUp);
    return signal === "SIGKILL" ? null : `the agent's end was seen as ${exitCode ?? signal}, not as SIGKILL`;
  } catch (error) {
    return error instanceof Error ? error.message : String(error);
  }
}

/** BusyBox has a setpriv that does not know this option. */
function findSetpriv(): string | null {
  const setpriv = findTool("setpriv");
  if (setpriv === null) return null;
  return spawnSync(setpriv, ["--pdeathsig", "KILL", "--", "true"], { stdio: "ignore" }).status === 0 ? setpriv : null;
}

function namespaceSupport(namespaceTools: NamespaceTools, setpriv: string | null): TreeSupport {
  const held = "PID namespace: no process of an agent can escape its end, a freeze, or the death of its supervisor";
  const note = namespaceTools.userNamespace
    ? `${held}. Made through a user namespace that keeps the uid: setuid programs (sudo) do not work inside, ` +
      "and files of other users seem to belong to nobody"
    : held;
  return { kind: "pid-namespace", note, namespaceTools, setpriv };
}

function groupSupport(setpriv: string | null, reason: string): TreeSupport {
  const onDeath =
    setpriv === null
      ? "the agent outlives a supervisor that is killed"
      : "of a killed supervisor's tree, the kernel ends only the agent";
  const found = process.platform === "linux" ? "session, parent and environment" : "process group only";
  const note =
    `process group: ${reason}. Members are found by ${found} in repeated sweeps; ` +
    `a process that hides from these escapes, and ${onDeath} (the runner sweeps the rest)`;
  return { kind: "process-group", note, namespaceTools: null, setpriv };
}
