/** Where the parts that `up` starts lie in the repository. They are started as processes, never imported. */
import { join } from "node:path";
import { fileURLToPath } from "node:url";

const REPOSITORY_DIR = fileURLToPath(new URL("../../../../", import.meta.url));
export const COORDINATOR_MAIN = join(REPOSITORY_DIR, "coordinator/src/main.ts");
export const RUNNER_PROGRAM = join(REPOSITORY_DIR, "runner/runner");
export const EXECUTORS_DIR = join(REPOSITORY_DIR, "executors");
export const CLI_PROGRAM = join(REPOSITORY_DIR, "scripts/parallax");
