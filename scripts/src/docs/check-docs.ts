import { existsSync, readFileSync } from "node:fs";
import { posix } from "node:path";
import { INBOX_EVENTS, INBOX_STATES } from "@parallax/shared/inbox-state";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import { EVENT_TYPES } from "@parallax/shared/protocol/events";
import { RUN_EVENTS, RUN_STATES } from "@parallax/shared/run-state";
import { SESSION_EVENTS, SESSION_STATES } from "@parallax/shared/session-state";
import type { StepOutcome } from "../check/step.ts";
import { listRepositoryFiles, ROOT } from "../repository.ts";
import { checkAnchors } from "./check-anchors.ts";
import { checkCitedTests } from "./check-cited-tests.ts";
import { checkNames, indexNames } from "./check-names.ts";
import type { StateSection } from "./check-state-names.ts";
import { checkStateNames } from "./check-state-names.ts";
import { findNamedPaths } from "./find-paths.ts";
import { indexPaths, pathExists } from "./resolve-path.ts";

const ROOT_DOCUMENTS = ["README.md", "ARCHITECTURE.md", "CONTRIBUTING.md", "CHANGELOG.md"];
const PACKAGE_README = /^(coordinator|runner|shared|patterns|deploy|scripts|executors\/[^/]+)\/README\.md$/;

const STATE_SECTIONS: readonly StateSection[] = [
  { heading: "Run states", words: [...RUN_STATES, ...RUN_EVENTS] },
  { heading: "Session states", words: [...SESSION_STATES, ...SESSION_EVENTS] },
  { heading: "Inbox states", words: [...INBOX_STATES, ...INBOX_EVENTS] },
  { heading: "Event types", words: EVENT_TYPES },
];

/** Prose that names files and states rots quietly; this makes it rot loudly. */
export async function checkDocs(): Promise<StepOutcome> {
  const files = listRepositoryFiles();
  const documents = files.filter((file) => ROOT_DOCUMENTS.includes(file) || PACKAGE_README.test(file));
  const absent = ROOT_DOCUMENTS.filter((document) => !existsSync(`${ROOT}/${document}`));
  const names = indexNames(files.filter(isSource).map(read), Object.keys(DEFAULT_LIMITS));
  const readListed = (file: string): string | null => (files.includes(file) ? read(file) : null);
  const problems = documents.flatMap((document) => {
    const text = read(document);
    const found = [
      ...checkAnchors(document, text, readListed),
      ...checkCitedTests(text, readListed),
      ...checkNames(text, names),
    ];
    return [...checkPaths(document, files), ...found.map((problem) => `${document}:${problem}`)];
  });
  if (!absent.includes("ARCHITECTURE.md")) {
    const known = knownWords(files);
    const wrong = checkStateNames(read("ARCHITECTURE.md"), STATE_SECTIONS, (word) => known.has(word));
    problems.push(...wrong.map((problem) => `ARCHITECTURE.md: ${problem}`));
  }
  const note = absent.length === 0 ? `${documents.length} documents` : `absent: ${absent.join(", ")}`;
  return { ok: problems.length === 0, output: problems.join("\n"), note };
}

/** Where a flag, a variable or an error code can be made: code and shells, not documents or tests. */
function isSource(file: string): boolean {
  return /\.(ts|mjs|sh|sql|json|yaml)$|^(scripts|runner)\/[a-z]+$/.test(file) && !/\.test\.ts$|^pnpm-lock/.test(file);
}

function checkPaths(document: string, files: readonly string[]): string[] {
  const topLevel = [...new Set([...files.map((file) => file.split("/", 1)[0] ?? ""), "patterns", "deploy"])];
  const repository = indexPaths(files);
  return findNamedPaths(read(document), topLevel)
    .filter(({ path }) => !pathExists(path, posix.dirname(document), repository))
    .map(({ path, line }) => `${document}:${line}: ${path} does not exist`);
}

/** Every word of the sources that decide what exists, comments aside. */
function knownWords(files: readonly string[]): Set<string> {
  const sources = files.filter((file) => /^(shared\/src|coordinator\/src\/store)\/.*\.(ts|sql)$/.test(file));
  return new Set(
    sources
      .filter((file) => !/\.test\.ts$|\/testing\//.test(file))
      .map((file) => read(file).replace(/\/\*[\s\S]*?\*\/|\/\/.*$/gm, ""))
      .flatMap((text) => text.match(/\b[a-z][a-z_]*\b/g) ?? []),
  );
}

function read(file: string): string {
  return readFileSync(`${ROOT}/${file}`, "utf8");
}
