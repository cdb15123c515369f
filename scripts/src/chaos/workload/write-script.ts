import type { Random } from "../random.ts";
import type { WorkloadShape } from "./shape.ts";

/** A script of the test executor. */
export interface AgentScript {
  readonly steps: readonly object[];
  readonly default_resume: readonly object[];
}

export interface ScriptSurroundings {
  readonly shape: WorkloadShape;
  readonly random: Random;
  readonly ledger: string;
  /** Value that every process carries which an agent of this round leaves behind. */
  readonly forkMarker: string;
}

const FORK_KINDS = ["child", "nohup", "setsid", "double"] as const;
const FORK_SECONDS = 3_600;

/** A parent that starts children, some of which start one of their own; every turn writes to the ledger what it does and when. */
export function writeTreeScript(surroundings: ScriptSurroundings, name: string): AgentScript {
  const { shape, random } = surroundings;
  const count = random.int(shape.childrenMin, shape.childrenMax);
  const children = Array.from({ length: count }, (_none, index) => writeChildScript(surroundings, `${name}.${index}`));
  return {
    steps: [
      ...effects(surroundings, name, 1),
      ...children.map((prompt, index) => ({ start: { name: `child${index}`, prompt } })),
      ...effects(surroundings, name, random.int(shape.linesMin, shape.linesMax)),
      { say: heardText(name) },
    ],
    default_resume: resume(surroundings, name),
  };
}

function writeChildScript(surroundings: ScriptSurroundings, name: string): AgentScript {
  const { shape, random } = surroundings;
  const lines = random.int(shape.linesMin, shape.linesMax);
  const orchestrates = random.chance(shape.grandchildren);
  const grandchild = { name: "grandchild", prompt: writeLeafScript(surroundings, `${name}.0`) };
  return {
    steps: [
      ...effects(surroundings, name, Math.ceil(lines / 2)),
      ...(orchestrates ? [{ start: grandchild }] : []),
      ...leaveProcesses(surroundings),
      ...effects(surroundings, name, Math.floor(lines / 2)),
      { say: heardText(name) },
    ],
    default_resume: resume(surroundings, name),
  };
}

function writeLeafScript(surroundings: ScriptSurroundings, name: string): AgentScript {
  const { shape, random } = surroundings;
  return {
    steps: [
      ...leaveProcesses(surroundings),
      ...effects(surroundings, name, random.int(shape.linesMin, shape.linesMax)),
      { say: heardText(name) },
    ],
    default_resume: resume(surroundings, name),
  };
}

function resume(surroundings: ScriptSurroundings, name: string): object[] {
  return [...effects(surroundings, name, 3), { say: heardText(name) }];
}

/**
 * What a turn was told stands in its result: that is how the auditor knows what reached whom, and how often. The first turn says it too,
 * because a later attempt of it may have been told more than the script.
 */
function heardText(name: string): string {
  return `${name} heard: \${prompt}`;
}

function effects({ shape, ledger }: ScriptSurroundings, name: string, times: number): object[] {
  const line = "${run} ${attempt} ${i} ${time} ".concat(name);
  return [{ repeat: { times, steps: [{ append: { file: ledger, line } }, { wait_ms: shape.pauseMs }] } }];
}

function leaveProcesses({ shape, random, forkMarker }: ScriptSurroundings): object[] {
  if (!random.chance(shape.forks)) return [];
  const kinds = random.shuffled(FORK_KINDS).slice(0, 2);
  return kinds.map((kind) => ({ fork: { kind, command_seconds: FORK_SECONDS, marker: forkMarker } }));
}
