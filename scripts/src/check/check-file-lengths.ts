import { readFileSync } from "node:fs";
import { listRepositoryFiles, ROOT } from "../repository.ts";
import type { StepOutcome } from "./step.ts";

const LINES_MAX = 400;
const CODE = /\.(ts|tsx|mjs|cjs|js|sh|css|sql)$|^scripts\/[a-z-]+$/;
const NOT_OURS = /(^|\/)(fixtures|testdata|migrations|generated|dist)\//;

/** A file that needs more than one sitting to read is several files. */
export async function checkFileLengths(): Promise<StepOutcome> {
  const files = listRepositoryFiles().filter((file) => CODE.test(file) && !NOT_OURS.test(file));
  const lengths = files.map((file) => ({ file, lines: countLines(file) })).sort((a, b) => b.lines - a.lines);
  const tooLong = lengths.filter(({ lines }) => lines > LINES_MAX);
  const longest = lengths[0];
  return {
    ok: tooLong.length === 0,
    output: tooLong.map(({ file, lines }) => `${file}: ${lines} lines, at most ${LINES_MAX} are allowed`).join("\n"),
    ...(longest === undefined ? {} : { note: `${files.length} files, longest ${longest.lines} lines` }),
  };
}

function countLines(file: string): number {
  return readFileSync(`${ROOT}/${file}`, "utf8").split("\n").length - 1;
}
