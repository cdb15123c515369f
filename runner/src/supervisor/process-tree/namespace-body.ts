import type { CheckedCommand } from "./check-command.ts";
import { collectDescendants } from "./collect-descendants.ts";
import { identify } from "./end-members.ts";
import { openPipesOf } from "./open-pipes.ts";
import type { SpawnTreeOptions } from "./process-tree.ts";
import { MARKER_VARIABLE } from "./process-tree.ts";
import type { ProcessInfo } from "./read-processes.ts";
import {
  isAlive,
  listChildren,
  listProcesses,
  readCommandLine,
  readPidNamespace,
  readProcess,
  sendSignal,
} from "./read-processes.ts";
import type { PidNamespace } from "./start-namespace.ts";
import { startNamespace } from "./start-namespace.ts";
import type { StartedProcess } from "./start-process.ts";
import { startProcess } from "./start-process.ts";
import type { TreeBody, TreePlace } from "./tree-body.ts";
import type { NamespaceTools } from "./tree-support.ts";

export interface NamespaceBodyRequest {
  readonly command: CheckedCommand;
  readonly options: Pick<SpawnTreeOptions, "cwd" | "env" | "marker">;
  readonly tools: NamespaceTools;
  readonly bootMs: number;
}

/**
 * First an empty namespace, then the agent into it, past any shell: a shell drops variables whose names it does not like.
 */
export async function prepareNamespace(request: NamespaceBodyRequest): Promise<TreePlace> {
  const { cwd, env, marker } = request.options;
  const namespace = await startNamespace({ tools: request.tools, cwd, marker, bootMs: request.bootMs });
  return {
    pipes: openPipesOf(namespace.initPid),
    async launch(stdio) {
      const waiter = await startProcess(agentCommand(request, namespace.initPid), {
        cwd,
        env: { ...env, [MARKER_VARIABLE]: marker },
        stdio: [...stdio],
      });
      return createBody(waiter, namespace);
    },
    abandon() {
      namespace.holder.child.kill("SIGKILL");
      namespace.unpin();
    },
  };
}

function agentCommand({ tools, command }: NamespaceBodyRequest, initPid: number): string[] {
  return [
    ...[tools.nsenter, "--target", String(initPid)],
    ...(tools.userNamespace ? ["--user", "--preserve-credentials"] : []),
    // --no-fork: nsenter's own wait stops itself with the agent and would sleep through the agent's end.
    ...["--pid", "--mount", "--wd", "--no-fork", "--"],
    ...tools.waiter,
    ...[tools.setsid, command.program, ...command.args],
  ];
}

function createBody(waiter: StartedProcess, namespace: PidNamespace): TreeBody {
  let agentPid: number | null = null;
  let released = false;
  const guards = new Set<string>();

  function listInside(): ProcessInfo[] {
    if (released) return [];
    // Children of members are members: an agent's sandbox may have made a namespace of its own below ours.
    return collectDescendants(listProcesses(), (info) => readPidNamespace(info.pid) === namespace.id).filter(isAlive);
  }

  function isHelper(info: ProcessInfo): boolean {
    if (info.pid === namespace.initPid || guards.has(identify(info))) return true;
    const isGuard = info.parent === namespace.initPid && readCommandLine(info.pid) === namespace.initCommandLine;
    // Remembered, because a process on its way out has no command line any more.
    if (isGuard) guards.add(identify(info));
    return isGuard;
  }

  return {
    kind: "pid-namespace",
    process: waiter,
    findAgent() {
      if (agentPid !== null) return agentPid;
      const pid = listChildren(waiter.pid)[0];
      if (pid !== undefined && readProcess(pid)?.session === pid) agentPid = pid;
      return agentPid;
    },
    listMembers: () => listInside().filter((info) => !isHelper(info)),
    stopAtOnce: namespace.stopAll,
    stopSettled: namespace.stopSettled,
    killAtOnce() {
      // Not in yet, it would report that it could not get in; it was ended.
      if (listChildren(waiter.pid).length === 0) waiter.child.kill("SIGKILL");
      // The kernel ends every member before it lets the init go.
      if (!namespace.holder.hasExited()) sendSignal(namespace.initPid, "SIGKILL");
      // The waiter must reap the agent before the kernel lets the init go. Killed, it would leave that to the host's own
      // init, which in many containers never does it; stopped by a stranger, it would never do it either.
      waiter.child.kill("SIGCONT");
      namespace.holder.child.kill("SIGCONT");
      // Only if a stranger killed the holder is anybody still there.
      if (namespace.holder.hasExited()) for (const info of listInside()) sendSignal(info.pid, "SIGKILL");
    },
    isGone: () => namespace.holder.hasExited(),
    // The holder ends after the init, and the kernel ends the init after everybody else.
    cleanPasses: 1,
    release() {
      released = true;
      namespace.unpin();
    },
  };
}
