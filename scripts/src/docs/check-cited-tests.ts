/** A test that a document quotes to prove a promise. */
export interface CitedTest {
  readonly file: string;
  readonly name: string;
  readonly line: number;
}

const TEST_FILE = /`([\w./-]+\.test\.ts)`/g;
/** Behind the file: a quoted name, and more of them after commas; nothing else may stand in between. */
const QUOTED = /^\s*[:,]?\s*(?:and\s+)?"([^"`|]+)"/;

/** Every `path/to/some.test.ts`: "a name", "another name" of a Markdown text. Names may be wrapped over lines. */
export function findCitedTests(markdown: string): CitedTest[] {
  return [...markdown.matchAll(TEST_FILE)].flatMap((match) => {
    const file = match[1] ?? "";
    const found: CitedTest[] = [];
    let offset = match.index + match[0].length;
    for (let quoted = QUOTED.exec(markdown.slice(offset)); quoted !== null; ) {
      offset += quoted[0].length;
      const line = markdown.slice(0, offset).split("\n").length;
      found.push({ file, name: (quoted[1] ?? "").replace(/\s+/g, " ").trim(), line });
      quoted = QUOTED.exec(markdown.slice(offset));
    }
    return found;
  });
}

/** `read` gives a file's text, or null when there is none, which the check of paths reports. */
export function checkCitedTests(markdown: string, read: (file: string) => string | null): string[] {
  return findCitedTests(markdown).flatMap(({ file, name, line }) => {
    const text = read(file);
    return text === null || text.includes(name) ? [] : [`${line}: ${file} has no test "${name}"`];
  });
}
