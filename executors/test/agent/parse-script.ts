import type { Script, Step, Verb } from "../script.ts";
import { FORK_KINDS } from "../script.ts";

type Fields = Readonly<Record<string, unknown>>;
type Check = (value: unknown) => string | null;

const isObject = (value: unknown): value is Fields =>
  typeof value === "object" && value !== null && !Array.isArray(value);

const text: Check = (value) => (typeof value === "string" ? null : "needs a string");
const yes: Check = (value) => (value === true ? null : "needs true");
const amount: Check = (value) =>
  typeof value === "number" && Number.isFinite(value) && value >= 0 ? null : "needs a number of 0 or more";
const object: Check = (value) => (isObject(value) ? null : "needs an object");
const flag: Check = (value) => (typeof value === "boolean" ? null : "needs true or false");

function fields(required: Readonly<Record<string, Check>>, optional: Readonly<Record<string, Check>> = {}): Check {
  return (value) => {
    if (!isObject(value)) return "needs an object";
    for (const [name, check] of Object.entries(required)) {
      const complaint = check(value[name]);
      if (complaint !== null) return `${name} ${complaint}`;
    }
    for (const [name, field] of Object.entries(value)) {
      if (name in required) continue;
      const check = optional[name];
      if (check === undefined) return `has the unknown field ${name}`;
      const complaint = check(field);
      if (complaint !== null) return `${name} ${complaint}`;
    }
    return null;
  };
}

const oneOf =
  (...choices: readonly string[]): Check =>
  (value) =>
    typeof value === "string" && choices.includes(value) ? null : `is one of ${choices.join(", ")}`;

const steps: Check = (value) => (Array.isArray(value) ? firstComplaint(value) : "needs a list of steps");

const CHECKS: Readonly<Record<Verb, Check>> = {
  say: text,
  wait_ms: amount,
  wait_for_file: text,
  wait_for_steer: yes,
  touch: text,
  append: fields({ file: text, line: text }),
  fail: text,
  exit: (value) => (Number.isInteger(value) && Number(value) >= 0 && Number(value) <= 255 ? null : "needs 0–255"),
  deny: text,
  refuse: text,
  result: (value) => (typeof value === "string" || isObject(value) ? null : "needs a string or an object"),
  start: fields(
    { prompt: (value) => (typeof value === "string" || isObject(value) ? null : "needs a string or a script") },
    {
      mode: oneOf("sync", "async_poll", "async_callback"),
      name: text,
      agent_name: text,
      executor: text,
      project_dir: text,
      allow_error: flag,
    },
  ),
  tool: fields({ name: text }, { arguments: object, server: text, as: text, allow_error: flag }),
  status_of: text,
  repeat: fields({ times: amount, steps }),
  output_bytes: amount,
  stderr: text,
  fork: fields({ kind: oneOf(...FORK_KINDS), command_seconds: amount }, { marker: text, hold_output: flag }),
  ignore_signals: yes,
  hang: yes,
  hang_after_result: yes,
  spin_ms: amount,
  busy_reader_ms: amount,
  usage: object,
};

const isVerb = (name: string): name is Verb => Object.hasOwn(CHECKS, name);

function complaintAboutStep(step: unknown): string | null {
  if (!isObject(step)) return "is not an object";
  const [verb, ...others] = Object.keys(step);
  if (verb === undefined || others.length > 0) return "needs exactly one verb";
  if (!isVerb(verb)) return `has the unknown verb ${verb}`;
  const complaint = CHECKS[verb](step[verb]);
  return complaint === null ? null : `${verb} ${complaint}`;
}

function firstComplaint(list: readonly unknown[]): string | null {
  for (const [index, step] of list.entries()) {
    const complaint = complaintAboutStep(step);
    if (complaint !== null) return `step ${index + 1} ${complaint}`;
  }
  return null;
}

const SCRIPT: Check = fields(
  {},
  {
    steps,
    default_resume: steps,
    on_resume: (value) => {
      if (!Array.isArray(value)) return "needs a list of lists of steps";
      for (const [index, list] of value.entries()) {
        const complaint = steps(list);
        if (complaint !== null) return `[${index}]: ${complaint}`;
      }
      return null;
    },
  },
);

const SCRIPT_KEYS = ["steps", "on_resume", "default_resume"];

/** A prompt that is not a script is null: the agent says it back. A script with a mistake throws before any step is done. */
export function parseScript(prompt: string): Script | null {
  if (!prompt.trimStart().startsWith("{")) return null;
  let value: unknown;
  try {
    value = JSON.parse(prompt);
  } catch {
    return null;
  }
  if (!isObject(value) || !SCRIPT_KEYS.some((key) => Object.hasOwn(value, key))) return null;
  const complaint = SCRIPT(value);
  if (complaint !== null) throw new Error(`the script is wrong: ${complaint}`);
  return value as Script;
}

/** The steps of a turn; `turn` counts from 0 at the prompt that brought the script. */
export function stepsOfTurn(script: Script | null, turn: number): readonly Step[] | null {
  if (script === null) return null;
  if (turn === 0) return script.steps ?? [];
  return script.on_resume?.[turn - 1] ?? script.default_resume ?? null;
}
