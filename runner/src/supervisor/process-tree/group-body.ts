import type { CheckedCommand } from "./check-command.ts";
import { collectDescendants } from "./collect-descendants.ts";
import { openPipes } from "./open-pipes.ts";
import type { SpawnTreeOptions } from "./process-tree.ts";
import { MARKER_VARIABLE } from "./process-tree.ts";
import type { ProcessInfo } from "./read-processes.ts";
import { hasEnvironmentEntry, isAlive, listProcesses, sendSignal } from "./read-processes.ts";
import type { StartedProcess } from "./start-process.ts";
import { startProcess } from "./start-process.ts";
import type { TreeBody, TreePlace } from "./tree-body.ts";

export interface GroupBodyRequest {
  readonly command: CheckedCommand;
  readonly options: Pick<SpawnTreeOptions, "cwd" | "env" | "marker">;
  readonly setpriv: string | null;
}

/** The agent is our direct child and leads its own session; the kernel ends it (it alone) with its owner if setpriv is there. */
export async function prepareGroup({ command, options, setpriv }: GroupBodyRequest): Promise<TreePlace> {
  const { cwd, env, marker } = options;
  const dieWithOwner = setpriv === null ? [] : [setpriv, "--pdeathsig", "KILL", "--"];
  return {
    pipes: await openPipes(),
    async launch(stdio) {
      const agent = await startProcess([...dieWithOwner, command.program, ...command.args], {
        cwd,
        env: { ...env, [MARKER_VARIABLE]: marker },
        stdio: [...stdio],
      });
      return createBody(agent, `${MARKER_VARIABLE}=${marker}`);
    },
    abandon: () => undefined,
  };
}

function createBody(agent: StartedProcess, markerEntry: string): TreeBody {
  const leader = agent.pid;
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
    if (agent.hasExited() && !all.some((info) => info.group === leader || info.session === leader))
      numberIsOurs = false;
    return collectDescendants(all, isRoot).filter(isAlive);
  }

  function signalGroup(signal: NodeJS.Signals): void {
    if (numberIsOurs) sendSignal(-leader, signal);
  }

  return {
    kind: "process-group",
    process: agent,
    findAgent: () => leader,
    listMembers,
    async stopAtOnce() {
      signalGroup("SIGSTOP");
    },
    stopSettled: () => Promise.resolve(),
    killAtOnce() {
      signalGroup("SIGKILL");
      for (const info of listMembers()) sendSignal(info.pid, "SIGKILL");
    },
    isGone: () => agent.hasExited(),
    cleanPasses: 2,
    release: () => undefined,
  };
}
