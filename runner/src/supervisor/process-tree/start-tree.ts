import { systemClock } from "@parallax/shared/clock";
import { ParallaxError } from "@parallax/shared/errors";
import type { CheckedCommand } from "./check-command.ts";
import { prepareGroup } from "./group-body.ts";
import { prepareNamespace } from "./namespace-body.ts";
import type { OwnedTreeDeps } from "./owned-tree.ts";
import { OwnedTree } from "./owned-tree.ts";
import type { ProcessTree, SpawnTreeOptions } from "./process-tree.ts";
import { TREE_LIMITS } from "./process-tree.ts";
import type { TreeBody, TreePlace } from "./tree-body.ts";
import type { TreeSupport } from "./tree-support.ts";

/** As spawnTree, for a command already checked and a host already looked at (the probe of the host uses it too). */
export async function startTree(
  command: CheckedCommand,
  options: SpawnTreeOptions,
  support: TreeSupport,
): Promise<ProcessTree> {
  const limits = { ...TREE_LIMITS, ...options.limits };
  const place = await preparePlace(command, options, support, limits.bootMs);
  const body = await launch(place);
  const { clock = systemClock, logger } = options;
  return new OwnedTree({ body, pipes: place.pipes ?? pipesOf(body), limits, clock, logger });
}

async function preparePlace(
  command: CheckedCommand,
  options: SpawnTreeOptions,
  support: TreeSupport,
  bootMs: number,
): Promise<TreePlace> {
  if ((options.kind ?? support.kind) === "process-group") {
    return prepareGroup({ command, options, setpriv: support.setpriv });
  }
  if (support.namespaceTools === null) {
    throw new ParallaxError("spawn_failed", "PID namespaces cannot be used on this host", { hint: support.note });
  }
  return prepareNamespace({ command, options, tools: support.namespaceTools, bootMs });
}

async function launch(place: TreePlace): Promise<TreeBody> {
  try {
    return await place.launch(place.pipes?.agentEnds ?? ["pipe", "pipe", "pipe"]);
  } catch (error) {
    place.abandon();
    place.pipes?.destroy();
    throw error;
  } finally {
    // Ours must go, or no reader would ever see the end.
    place.pipes?.closeAgentEnds();
  }
}

function pipesOf(body: TreeBody): OwnedTreeDeps["pipes"] {
  const { stdin, stdout, stderr } = body.process.child;
  if (stdin === null || stdout === null || stderr === null)
    throw new ParallaxError("internal", "an agent without pipes");
  return { stdin, stdout, stderr };
}
