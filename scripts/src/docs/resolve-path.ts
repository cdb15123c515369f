import { posix } from "node:path";

/** Which paths exist: files of the repository and every folder above them. */
export interface RepositoryPaths {
  readonly paths: ReadonlySet<string>;
  readonly fileNames: ReadonlySet<string>;
}

export function indexPaths(files: readonly string[]): RepositoryPaths {
  const paths = new Set<string>(["."]);
  for (const file of files) {
    for (let path = file; path !== "."; path = posix.dirname(path)) paths.add(path);
  }
  return { paths, fileNames: new Set(files.map((file) => posix.basename(file))) };
}

/**
 * True when something in the repository has this path, seen from the document or from the root. `{a,b}` must
 * exist in every reading; `*` and `<name>` stand for any one segment or part of it.
 */
export function pathExists(path: string, documentFolder: string, repository: RepositoryPaths): boolean {
  return expandBraces(path).every((one) => {
    if (!one.includes("/") && repository.fileNames.has(one)) return true;
    const candidates = [posix.join(documentFolder, one), posix.join(".", one)];
    return candidates
      .map((candidate) => candidate.replace(/\/$/, ""))
      .some((candidate) => matches(candidate, repository));
  });
}

function matches(path: string, repository: RepositoryPaths): boolean {
  if (!/[*<]/.test(path)) return repository.paths.has(path);
  const source = path
    .replace(/[.+^$()|[\]\\?]/g, "\\$&")
    .replace(/\*\*\/?/g, "\u0000")
    .replace(/\*|<[^>/]*>/g, "[^/]+")
    .replaceAll("\u0000", "(.+/)?");
  const pattern = new RegExp(`^${source}$`);
  return [...repository.paths].some((existing) => pattern.test(existing));
}

function expandBraces(path: string): string[] {
  const match = /^(.*?)\{([^{}]*)\}(.*)$/.exec(path);
  if (match === null) return [path];
  const [, before = "", choices = "", after = ""] = match;
  return choices.split(",").flatMap((choice) => expandBraces(`${before}${choice.trim()}${after}`));
}
