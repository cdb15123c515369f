import type { Fault } from "./fault.ts";
import { killedProcesses } from "./faults/f01-killed-processes.ts";

/** Every fault, in the order in which they are played. A new one is a file in faults/ and a line here. */
export const FAULTS: readonly Fault[] = [killedProcesses];
