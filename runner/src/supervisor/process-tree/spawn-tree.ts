import { checkCommand } from "./check-command.ts";
import { detectTreeKind } from "./detect-tree-kind.ts";
import type { ProcessTree, SpawnTreeOptions } from "./process-tree.ts";
import { startTree } from "./start-tree.ts";

/**
 * Starts an agent in a tree of its own. Everything that can be known beforehand is refused here with its own code
 * (`executor_not_found`, `project_dir_missing`, `invalid_request`); `spawn_failed` is what the host did not allow.
 * The tree ends with this process: call it in the process that is to own the agent, from its main thread.
 */
export async function spawnTree(options: SpawnTreeOptions): Promise<ProcessTree> {
  const command = checkCommand(options);
  return startTree(command, options, await detectTreeKind());
}
