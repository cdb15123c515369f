/** A path as a document names it, and the line it stands on. */
export interface NamedPath {
  readonly path: string;
  readonly line: number;
}

/** Not json or yaml: without a folder those are mostly files that a program writes somewhere else. */
const FILE_NAME = /^[\w.-]+\.(ts|tsx|mjs|cjs|md|sh|sql)$/;
const EDGES = /^["'(]+|["'),;:]+$/g;

/**
 * The paths that a Markdown text names: targets of links, and words in code that begin with `./`, `../` or a
 * top-level entry of the repository. A bare file name counts in inline code only; drawings are full of them.
 */
export function findNamedPaths(markdown: string, topLevel: readonly string[]): NamedPath[] {
  const found: NamedPath[] = [];
  let fenced = false;
  for (const [index, text] of markdown.split("\n").entries()) {
    const line = index + 1;
    if (/^\s*(```|~~~)/.test(text)) {
      fenced = !fenced;
      continue;
    }
    const words = fenced ? splitWords(text) : inlineCode(text).flatMap(splitWords);
    for (const word of words) {
      const isPath = looksLikePath(word, topLevel) || (!fenced && FILE_NAME.test(word));
      if (isPath) found.push({ path: word.replace(/:\d+$/, ""), line });
    }
    if (!fenced) found.push(...findLinks(text).map((path) => ({ path, line })));
  }
  return found;
}

/** The text of every inline code span of a line. */
export function inlineCode(text: string): string[] {
  return [...text.matchAll(/(`+)(.+?)\1/g)].map((match) => (match[2] ?? "").trim());
}

function splitWords(code: string): string[] {
  return code.split(/\s+/).map((word) => word.replace(EDGES, ""));
}

function looksLikePath(word: string, topLevel: readonly string[]): boolean {
  if (/^\.\.?\//.test(word)) return true;
  const slash = word.indexOf("/");
  return slash > 0 && topLevel.includes(word.slice(0, slash)) && !word.includes("//");
}

function findLinks(text: string): string[] {
  return [...text.matchAll(/\]\(\s*<?([^)\s>]+)>?[^)]*\)/g)]
    .map((match) => match[1] ?? "")
    .filter((target) => !/^([a-z][a-z+.-]*:|#|\/\/)/i.test(target))
    .map((target) => target.replace(/[#?].*$/, ""));
}
