import { systemClock } from "@parallax/shared/clock";
import { ParallaxError } from "@parallax/shared/errors";
import type { CheckedCommand } from "./check-command.ts";
import type { DrainedOutput } from "./drain-output.ts";
import { drainOutput } from "./drain-output.ts";
import { startGroupBody } from "./group-body.ts";
import { startNamespaceBody } from "./namespace-body.ts";
import type { AgentExit } from "./owned-tree.ts";
import { OwnedTree } from "./owned-tree.ts";
import type { ProcessTree, SpawnTreeOptions } from "./process-tree.ts";
import { TREE_LIMITS } from "./process-tree.ts";
import type { AgentProcess, TreeBody } from "./tree-body.ts";
import type { TreeSupport } from "./tree-support.ts";

/** As spawnTree, for a command already checked and a host already looked at (the probe of the host uses it too). */
export async function startTree(
  command: CheckedCommand,
  options: SpawnTreeOptions,
  support: TreeSupport,
): Promise<ProcessTree> {
  const limits = { ...TREE_LIMITS, ...options.limits };
  const watched: Partial<Watched> = {};
  const attach = (child: AgentProcess) => {
    watched.stdout = drainOutput(child.stdout);
    watched.stderr = drainOutput(child.stderr);
    watched.agentExit = new Promise((done) => {
      child.once("exit", (exitCode, signal) => done({ exitCode, signal }));
    });
  };
  const body = await startBody(command, options, support, limits.bootMs, attach);
  const clock = options.clock ?? systemClock;
  return new OwnedTree({ body, ...(watched as Watched), limits, clock, logger: options.logger });
}

interface Watched {
  stdout: DrainedOutput;
  stderr: DrainedOutput;
  agentExit: Promise<AgentExit>;
}

function startBody(
  command: CheckedCommand,
  options: SpawnTreeOptions,
  support: TreeSupport,
  bootMs: number,
  attach: (child: AgentProcess) => void,
): Promise<TreeBody> {
  if ((options.kind ?? support.kind) === "process-group") {
    return startGroupBody({ command, options, setpriv: support.setpriv }, attach);
  }
  if (support.namespaceTools === null) {
    throw new ParallaxError("spawn_failed", "PID namespaces cannot be used on this host", { hint: support.note });
  }
  return startNamespaceBody({ command, options, tools: support.namespaceTools, bootMs }, attach);
}
