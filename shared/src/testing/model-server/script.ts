/**
 * The script of the scripted model: what a test's prompt makes the model say and do.
 * It sits in the prompt itself, as a fenced block that begins with ```script and holds one JSON object.
 */
import { z } from "zod";

const usageSchema = z.strictObject({
  input_tokens: z.int().min(0).optional(),
  output_tokens: z.int().min(0).optional(),
  cache_creation_input_tokens: z.int().min(0).optional(),
  cache_read_input_tokens: z.int().min(0).optional(),
});

const itemSchema = z.union([
  z.strictObject({
    say: z.string(),
    chunks: z.int().min(1).max(10_000).optional().describe("Streamed in so many pieces (2)."),
    slow_ms: z.int().min(0).max(600_000).optional().describe("Pause after each piece."),
  }),
  z.strictObject({ tool: z.string().min(1), input: z.record(z.string(), z.unknown()).default({}) }),
  z.strictObject({ think: z.string() }),
  z.strictObject({ echo: z.enum(["history", "tools", "system", "tool_results", "prompt"]) }),
  z.strictObject({ slow_ms: z.int().min(0).max(600_000).describe("A pause.") }),
  z.strictObject({ hang: z.literal(true).describe("Stays silent until the client goes away.") }),
  z.strictObject({ drop: z.literal(true).describe("Breaks the connection at this point.") }),
  z.strictObject({ refuse: z.literal(true).describe("Ends the reply with the stop reason refusal.") }),
  z.strictObject({ usage: usageSchema.describe("Reported instead of the estimate.") }),
  z.strictObject({
    error: z.strictObject({
      status: z.int().min(400).max(599),
      type: z.string().optional(),
      message: z.string().optional(),
      first_n: z.int().min(1).optional().describe("Only the first n requests of this step fail."),
      retry_after_seconds: z.int().min(0).optional(),
    }),
  }),
]);

const stepsSchema = z.array(z.array(itemSchema));

const scriptSchema = z.strictObject({
  steps: stepsSchema.describe("Step n answers after n tool-call replies of this turn."),
  on_match: z
    .array(z.strictObject({ contains: z.string().min(1), steps: stepsSchema }))
    .default([])
    .describe("Later user turns, and messages into a live turn, whose text contains this; looked at before on_resume."),
  on_resume: z.array(stepsSchema).default([]).describe("The first, second, … later user turn."),
  default_resume: stepsSchema.optional().describe("Every later user turn beyond on_resume."),
});

export type ScriptItem = z.infer<typeof itemSchema>;
export type ScriptStep = readonly ScriptItem[];
export type Script = z.infer<typeof scriptSchema>;

/** Where a script block lies in a text, and its JSON. */
interface ScriptBlock {
  readonly start: number;
  readonly end: number;
  readonly json: string;
}

/** A block opens at the start of a line, or (in a text that was itself JSON once) anywhere after white space. */
const OPENER = /(?:^|\s)(```script\b)/g;

/** Finds the first script block. Its end is the JSON's own closing brace, so scripts may hold fences in their strings. */
export function findScriptBlock(text: string, from = 0): ScriptBlock | null {
  OPENER.lastIndex = from;
  const match = OPENER.exec(text);
  if (match === null) return null;
  const start = match.index + match[0].length - "```script".length;
  const open = text.indexOf("{", start);
  const close = open === -1 ? -1 : findClosingBrace(text, open);
  if (close === -1) return { start, end: text.length, json: text.slice(start + "```script".length) };
  const fence = /^\s*```/.exec(text.slice(close + 1));
  return { start, end: close + 1 + (fence?.[0].length ?? 0), json: text.slice(open, close + 1) };
}

function findClosingBrace(text: string, open: number): number {
  let depth = 0;
  let inString = false;
  for (let index = open; index < text.length; index += 1) {
    const char = text[index];
    if (inString) {
      if (char === "\\") index += 1;
      else if (char === '"') inString = false;
    } else if (char === '"') inString = true;
    else if (char === "{") depth += 1;
    else if (char === "}") {
      depth -= 1;
      if (depth === 0) return index;
    }
  }
  return -1;
}

/** The script in a text, or null when there is none. Throws an Error that names the fault of a broken script. */
export function readScript(text: string): Script | null {
  const block = findScriptBlock(text);
  if (block === null) return null;
  const parsed = scriptSchema.safeParse(JSON.parse(block.json));
  if (!parsed.success) throw new Error(z.prettifyError(parsed.error));
  return parsed.data;
}

/** The text without its script blocks, trimmed. */
export function withoutScript(text: string): string {
  let rest = text;
  for (let block = findScriptBlock(rest); block !== null; block = findScriptBlock(rest)) {
    rest = rest.slice(0, block.start) + rest.slice(block.end);
  }
  return rest.trim();
}

/** A prompt that carries this script, for tests. */
export function scriptPrompt(script: z.input<typeof scriptSchema>, text = ""): string {
  return `${text}\n\`\`\`script\n${JSON.stringify(script)}\n\`\`\``.trimStart();
}
