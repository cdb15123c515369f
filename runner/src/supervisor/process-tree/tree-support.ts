import { accessSync, constants } from "node:fs";
import { join } from "node:path";
import type { TreeKind } from "./process-tree.ts";

/** Fixed places, never the agent's PATH: a program of that name in a project must not become part of the fence. */
const FOLDERS = ["/usr/bin", "/bin", "/usr/sbin", "/sbin", "/usr/local/bin", "/run/current-system/sw/bin"];

/** Absolute paths of what a namespace tree is made with, and how. */
export interface NamespaceTools {
  readonly sh: string;
  readonly unshare: string;
  readonly nsenter: string;
  readonly setsid: string;
  /** Waits for the agent outside its namespace and then ends exactly as it ended; the agent's command follows. */
  readonly waiter: readonly string[];
  /** Without it the tree still ends with its owner, through the init's descriptor 3; with it, two things see to that. */
  readonly setpriv: string | null;
  readonly userNamespace: boolean;
}

export function findTool(name: string): string | null {
  for (const folder of FOLDERS) {
    const path = join(folder, name);
    try {
      accessSync(path, constants.X_OK);
      return path;
    } catch {
      // Not in this folder.
    }
  }
  return null;
}

/** What this host can hold a tree with, found by trying. */
export interface TreeSupport {
  readonly kind: TreeKind;
  /** For `doctor`: what is promised here, what is not, and why. */
  readonly note: string;
  readonly namespaceTools: NamespaceTools | null;
  readonly setpriv: string | null;
}
