import { inlineCode } from "./find-paths.ts";

const VARIABLE = /^[A-Z][A-Z0-9]*(_[A-Z0-9]+)+$/;
const WORD = /^[a-z][a-z0-9]*(_[a-z0-9]+)+$/;
const FLAG = /^--[a-z][a-z-]+$/;
const OPTION = /\bname: "([a-z][a-z-]*)"/g;
const LIMIT = /^PARALLAX_LIMIT_([A-Z0-9_]+)$/;

/** What the sources have, as text: a name counts as existing when it stands there as a word of its own. */
export interface KnownNames {
  readonly words: ReadonlySet<string>;
  /** Names in camel case, of which environment variables are derived. */
  readonly limits: ReadonlySet<string>;
  /** Flags of the command line, each of which is a variable too. */
  readonly options: ReadonlySet<string>;
}

export function indexNames(sources: readonly string[], limits: readonly string[]): KnownNames {
  const words = new Set(sources.flatMap((text) => text.match(/[A-Za-z][A-Za-z0-9_-]*/g) ?? []));
  const options = sources.flatMap((text) => [...text.matchAll(OPTION)].map((match) => match[1] ?? ""));
  return { words, limits: new Set(limits), options: new Set(options) };
}

/**
 * Environment variables, error codes, fields and flags that a document names in inline code must exist in the sources.
 * Only what cannot be anything else is looked at: SCREAMING_CASE, snake_case and --flags that stand alone or with a value.
 */
export function checkNames(markdown: string, known: KnownNames): string[] {
  return markdown.split("\n").flatMap((text, index) => {
    const names = inlineCode(text).flatMap(namesIn);
    return names.filter((name) => !exists(name, known)).map((name) => `${index + 1}: ${name} is not in the sources`);
  });
}

function namesIn(code: string): string[] {
  const first = code.split(/[ =]/, 1)[0] ?? "";
  if (VARIABLE.test(first) || FLAG.test(first)) return [first];
  return WORD.test(code) ? [code] : [];
}

function exists(name: string, known: KnownNames): boolean {
  const limit = LIMIT.exec(name)?.[1];
  if (limit !== undefined) {
    return known.limits.has(
      limit.toLowerCase().replaceAll(/_([a-z0-9])/g, (_all, letter: string) => letter.toUpperCase()),
    );
  }
  const option = name
    .replace(/^PARALLAX_/, "")
    .toLowerCase()
    .replaceAll("_", "-");
  return known.words.has(name.replace(/^--/, "")) || (name.startsWith("PARALLAX_") && known.options.has(option));
}
