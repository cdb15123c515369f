import { appendFileSync, existsSync, writeFileSync } from "node:fs";
import { setTimeout as sleep } from "node:timers/promises";
import type { LeaveProcess, Step, Verb, Verbs } from "../script.ts";
import { expandText, expandValue } from "./expand-templates.ts";
import { callNamedTool, readStatus, startChild } from "./fleet-steps.ts";
import { leaveProcess } from "./leave-process.ts";
import type { Turn, TurnEnd } from "./turn.ts";
import { lookupIn } from "./turn.ts";

const FILE_POLL_MS = 20;
const OUTPUT_LINE_BYTES = 1000;

type Doing = TurnEnd | undefined | Promise<TurnEnd | undefined>;

/** Does the steps in order; undefined when the last one is done. An interrupt comes out as the signal's AbortError. */
export async function runSteps(turn: Turn, steps: readonly Step[]): Promise<TurnEnd | undefined> {
  for (const step of steps) {
    turn.signal.throwIfAborted();
    const end = await doStep(turn, step);
    if (end !== undefined) return end;
  }
  return undefined;
}

function doStep(turn: Turn, step: Step): Doing {
  // the script was checked: there is exactly one verb, and its value has the verb's type
  const [[verb, value]] = Object.entries(step) as [[Verb, never]];
  return DO[verb](turn, value);
}

/** Never resolves by itself; the timer keeps the process alive. */
export async function hang(signal: AbortSignal): Promise<never> {
  for (;;) await sleep(2 ** 30, undefined, { signal });
}

const expand = (turn: Turn, text: string) => expandText(text, lookupIn(turn));

const DO: { readonly [V in Verb]: (turn: Turn, value: Verbs[V]) => Doing } = {
  say(turn, text) {
    turn.lastSaid = expand(turn, text);
    turn.conversation.messages.push({ role: "agent", text: turn.lastSaid });
    turn.write({ type: "message", text: turn.lastSaid });
    return undefined;
  },
  wait_ms: (turn, durationMs) => sleep(durationMs, undefined, { signal: turn.signal }),
  async wait_for_file(turn, file) {
    const path = expand(turn, file);
    while (!existsSync(path)) await sleep(FILE_POLL_MS, undefined, { signal: turn.signal });
    return undefined;
  },
  async wait_for_steer(turn) {
    await turn.waitForSteer();
    return undefined;
  },
  touch(turn, file) {
    writeFileSync(expand(turn, file), "", { flag: "a" });
    return undefined;
  },
  append(turn, { file, line }) {
    appendFileSync(expand(turn, file), `${expand(turn, line)}\n`);
    return undefined;
  },
  fail: (turn, message) => ({ kind: "failed", message: expand(turn, message) }),
  exit: (_turn, code) => ({ kind: "exited", code }),
  refuse: (turn, text) => ({ kind: "refused", text: expand(turn, text) }),
  deny(turn, tool) {
    turn.denied.push(tool);
    const id = `call-${++turn.calls}`;
    turn.write({ type: "tool_call", id, name: tool, input: {} });
    turn.write({ type: "tool_result", id, name: tool, text: "permission denied", is_error: true, denied: true });
    return undefined;
  },
  result(turn, template) {
    const value = expandValue(template, lookupIn(turn));
    if (typeof value === "string") turn.resultText = value;
    else turn.resultData = value;
    return undefined;
  },
  start: startChild,
  tool: callNamedTool,
  status_of: readStatus,
  async repeat(turn, { times, steps }) {
    for (let round = 1; round <= times; round += 1) {
      turn.rounds.push(round);
      const end = await runSteps(turn, steps);
      turn.rounds.pop();
      if (end !== undefined) return end;
    }
    return undefined;
  },
  async output_bytes(turn, count) {
    const line = `${"x".repeat(OUTPUT_LINE_BYTES - 1)}\n`;
    for (let left = count; left > 0; left -= line.length) {
      turn.signal.throwIfAborted();
      await turn.writeRaw("stdout", line.slice(-left));
    }
    return undefined;
  },
  async stderr(turn, text) {
    await turn.writeRaw("stderr", `${expand(turn, text)}\n`);
    return undefined;
  },
  fork: leaveAndTell,
  ignore_signals(turn) {
    turn.ignoreSignals();
    return undefined;
  },
  hang: (turn) => hang(turn.signal),
  hang_after_result(turn) {
    turn.hangAfterResult = true;
    return undefined;
  },
  spin_ms(_turn, durationMs) {
    // busy on purpose: no signal, message or timer is served meanwhile
    const end = performance.now() + durationMs;
    while (performance.now() < end);
    return undefined;
  },
  busy_reader_ms(turn, durationMs) {
    turn.write({ type: "hard_to_read", duration_ms: durationMs });
    return undefined;
  },
  usage: addUsage,
};

async function leaveAndTell(turn: Turn, wanted: LeaveProcess): Promise<undefined> {
  const marker = wanted.marker === undefined ? turn.task.session_id : expand(turn, wanted.marker);
  const { pid } = await leaveProcess(wanted, marker, turn.env);
  turn.write({ type: "status", text: "left a process behind", facts: { kind: wanted.kind, pid, marker } });
}

function addUsage(turn: Turn, usage: Readonly<Record<string, unknown>>): undefined {
  const total: Record<string, unknown> = { ...turn.usage };
  for (const [name, value] of Object.entries(usage)) {
    const before = total[name];
    total[name] = typeof before === "number" && typeof value === "number" ? before + value : value;
  }
  turn.usage = total;
  turn.write({ type: "usage", usage });
}
