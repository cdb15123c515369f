import { inlineCode } from "./find-paths.ts";

/** A closed set of words that ARCHITECTURE.md must tell completely, under a heading of this name. */
export interface StateSection {
  readonly heading: string;
  readonly words: readonly string[];
}

const NAME = /^[a-z][a-z_]*$/;
const ARROW = /([a-z_]+)`?(?:\([^)]*\))?\s*(?:→|⇄|<?--?>)\s*`?(?=([a-z_]+))/g;

/**
 * Each section must exist and name each of its words in code; and what looks like a state there, in inline code
 * or beside an arrow, must be a word of the sources. `known` answers that for words of other origin.
 */
export function checkStateNames(
  markdown: string,
  sections: readonly StateSection[],
  known: (word: string) => boolean,
): string[] {
  const states = new Set(sections.flatMap((section) => section.words));
  return sections.flatMap((section) => {
    const text = findSection(markdown, section.heading);
    if (text === null) return [`no section "${section.heading}", which must name: ${section.words.join(", ")}`];
    const named = wordsInCode(text);
    const missing = section.words.filter((word) => !named.has(word));
    const unknown = [...stateLookingWords(text)].filter((word) => !states.has(word) && !known(word));
    return [
      ...missing.map((word) => `section "${section.heading}" does not name \`${word}\``),
      ...unknown.map((word) => `section "${section.heading}" names \`${word}\`, which does not exist in the sources`),
    ];
  });
}

/** The text under a heading, down to the next heading of the same or a higher level. */
function findSection(markdown: string, heading: string): string | null {
  const lines = markdown.split("\n");
  const wanted = new RegExp(`^(#+)\\s+([\\d.]+\\s+)?${heading}\\s*$`, "i");
  const start = lines.findIndex((line) => wanted.test(line));
  if (start === -1) return null;
  const level = /^#+/.exec(lines[start] ?? "")?.[0].length ?? 1;
  const rest = lines.slice(start + 1);
  const end = rest.findIndex((line) => new RegExp(`^#{1,${level}}\\s`).test(line));
  return rest.slice(0, end === -1 ? rest.length : end).join("\n");
}

function wordsInCode(text: string): Set<string> {
  const fences = [...text.matchAll(/^\s*```[^\n]*\n([\s\S]*?)^\s*```/gm)].map((match) => match[1] ?? "");
  const spans = text.split("\n").flatMap(inlineCode);
  return new Set([...fences, ...spans].flatMap((code) => code.match(/[a-z][a-z_]*/g) ?? []));
}

function stateLookingWords(text: string): Set<string> {
  const spans = text
    .split("\n")
    .flatMap(inlineCode)
    .filter((code) => NAME.test(code));
  const besideArrows = [...text.matchAll(ARROW)].flatMap((match) => [match[1] ?? "", match[2] ?? ""]);
  return new Set([...spans, ...besideArrows].filter((word) => NAME.test(word)));
}
