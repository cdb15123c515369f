/** Reads the tree again and again and tells every change of a run once. */
import { setTimeout as sleep } from "node:timers/promises";
import type { TreeNode } from "@parallax/shared/protocol/sessions";
import type { Client } from "@parallax/shared/sdk/client";

const LOOK_EVERY_MS = 60;

export interface RunChange {
  readonly session: TreeNode;
  readonly run: TreeNode["runs"][number];
  readonly status: string;
}

export interface TreeWatch {
  /** Resolves as soon as the newest reading fits; rejects when the watch breaks. */
  until(fits: (sessions: readonly TreeNode[]) => boolean): Promise<readonly TreeNode[]>;
  /** Resolves when it has stopped after the signal; rejects with what broke it. */
  readonly done: Promise<void>;
}

export function watchTree(
  client: Client,
  sessionId: string,
  onChange: (change: RunChange) => void,
  signal: AbortSignal,
): TreeWatch {
  const told = new Map<string, string>();
  const waiting = new Set<(sessions: readonly TreeNode[]) => void>();
  let newest: readonly TreeNode[] = [];

  const watch = async () => {
    while (!signal.aborted) {
      newest = (await client.sessions.tree(sessionId, { signal })).sessions;
      for (const session of newest) {
        for (const run of session.runs) {
          if (told.get(run.run_id) === run.status) continue;
          told.set(run.run_id, run.status);
          onChange({ session, run, status: run.status });
        }
      }
      for (const look of waiting) look(newest);
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  };
  const done = watch().catch((error: unknown) => {
    if (!signal.aborted) throw error;
  });

  return {
    done,
    until(fits) {
      const { promise, resolve } = Promise.withResolvers<readonly TreeNode[]>();
      const look = (sessions: readonly TreeNode[]) => {
        if (!fits(sessions)) return;
        waiting.delete(look);
        resolve(sessions);
      };
      waiting.add(look);
      look(newest);
      const over = done.then(() => {
        signal.throwIfAborted();
        return newest;
      });
      return Promise.race([promise, over]);
    },
  };
}
