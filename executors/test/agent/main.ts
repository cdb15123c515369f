/**
 * The test agent: a real process that does what its prompt says, without a model. See ../README.md for the language.
 * stdin: the task as one JSON line, then nudges. stdout: NDJSON. Exit: 0, 1 failed, 130 interrupted, or what `exit` says.
 */
import { enableCompileCache } from "node:module";
import { join } from "node:path";
import process from "node:process";
import { agentHome } from "./agent-home.ts";

// Half of the start would be the stripping of types. Nothing happens when the directory cannot be used.
enableCompileCache(join(agentHome(process.env), "compile-cache"));
const { serveTask } = await import("./serve-task.ts");
const { writtenOut } = await import("./write-output.ts");
const exitCode = await serveTask(process, process.env);
// An exit drops what a slow reader has not taken yet, the result among it.
await Promise.all([writtenOut(process.stdout), writtenOut(process.stderr)]);
process.exit(exitCode);
