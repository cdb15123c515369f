export const PROJECTS = ["unit", "integration", "e2e"] as const;
export type Project = (typeof PROJECTS)[number];

/** What to run. Without projects and filters: everything, the checks included. */
export interface TestRequest {
  readonly projects: readonly Project[];
  readonly filters: readonly string[];
  readonly everything: boolean;
}

const USAGE = `usage: ./scripts/test [--project ${PROJECTS.join("|")}]... [part of a test file's path]...`;

/** Throws with the usage for anything it does not know: a misread option would look like a passed run. */
export function parseArguments(args: readonly string[]): TestRequest {
  const projects: Project[] = [];
  const filters: string[] = [];
  const rest = [...args];
  for (let arg = rest.shift(); arg !== undefined; arg = rest.shift()) {
    if (arg === "--project") projects.push(parseProject(rest.shift()));
    else if (arg.startsWith("--project=")) projects.push(parseProject(arg.slice("--project=".length)));
    else if (arg.startsWith("-")) throw new Error(`unknown option ${arg}\n${USAGE}`);
    else filters.push(arg);
  }
  return {
    projects: projects.length === 0 ? PROJECTS : projects,
    filters,
    everything: projects.length === 0 && filters.length === 0,
  };
}

function parseProject(name: string | undefined): Project {
  const project = PROJECTS.find((known) => known === name);
  if (project === undefined) throw new Error(`unknown project ${name ?? "(none)"}\n${USAGE}`);
  return project;
}
