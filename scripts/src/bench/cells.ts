import type { Cell } from "./cell.ts";
import { freshCloneCell } from "./cells/fresh-clone.ts";
import { startCell } from "./cells/start.ts";

/** Every cell, in the order in which they run. A new one is a file in cells/ and a line here. */
export const CELLS: readonly Cell[] = [startCell, freshCloneCell];
