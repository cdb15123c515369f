import type { CheckedCommand } from "./check-command.ts";
import { collectDescendants } from "./collect-descendants.ts";
import type { SpawnTreeOptions } from "./process-tree.ts";
import { MARKER_VARIABLE } from "./process-tree.ts";
import type { ProcessInfo } from "./read-processes.ts";
import { hasEnvironmentEntry, isAlive, listProcesses, sendSignal } from "./read-processes.ts";
import { startProcess } from "./start-process.ts";
import type { AgentProcess, TreeBody } from "./tree-body.ts";

export interface GroupBodyRequest {
  readonly command: CheckedCommand;
  readonly options: Pick<SpawnTreeOptions, "cwd" | "env" | "marker">;
  readonly setpriv: string | null;
}

/** The agent is our direct child and leads its own session; the kernel ends it (it alone) with its owner if setpriv is there. */
export async function startGroupBody(
  { command, options, setpriv }: GroupBodyRequest,
  attach: (child: AgentProcess) => void,
): Promise<TreeBody> {
  const { cwd, env, marker } = options;
  const child = await startProcess<AgentProcess>(
    [...(setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"]), command.program, ...command.args],
    { cwd, env: { ...env, [MARKER_VARIABLE]: marker }, stdio: ["pipe", "pipe", "pipe"] },
    attach,
  );
  return createBody(child, `${MARKER_VARIABLE}=${marker}`);
}

function createBody(child: AgentProcess, markerEntry: string): TreeBody {
  const leader = child.pid ?? -1;
  let agentLives = true;
  // The kernel does not give the leader's number away while anyone is left in its group or session. Once the agent is
  // reaped and a sweep finds both empty, the number may be a stranger's: never match by it again.
  let numberIsOurs = true;

  function isRoot(info: ProcessInfo): boolean {
    if (info.pid === process.pid) return false;
    if (numberIsOurs && (info.group === leader || info.session === leader)) return true;
    return hasEnvironmentEntry(info.pid, markerEntry);
  }

  function listMembers(): ProcessInfo[] {
    const all = listProcesses().filter((info) => info.pid !== process.pid);
    if (!agentLives && !all.some((info) => info.group === leader || info.session === leader)) numberIsOurs = false;
    return collectDescendants(all, isRoot).filter(isAlive);
  }

  function signalGroup(signal: NodeJS.Signals): void {
    if (numberIsOurs) sendSignal(-leader, signal);
  }

  return {
    kind: "process-group",
    child,
    findAgent: () => leader,
    listMembers,
    stopAtOnce: () => signalGroup("SIGSTOP"),
    killAtOnce() {
      signalGroup("SIGKILL");
      for (const info of listMembers()) sendSignal(info.pid, "SIGKILL");
    },
    isGone: () => !agentLives,
    cleanPasses: 2,
    agentEnded() {
      agentLives = false;
    },
  };
}
