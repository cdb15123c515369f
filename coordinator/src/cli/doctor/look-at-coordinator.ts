/** Whether the coordinator answers, accepts the key, and has runners that could take work. */
import { stat } from "node:fs/promises";
import { isParallaxError } from "@parallax/shared/errors";
import type { Runner } from "@parallax/shared/protocol/runners";
import type { Connection } from "../connect.ts";
import type { Finding } from "./finding.ts";
import { fail, ok, warn } from "./finding.ts";

export async function lookAtCoordinator(connection: Connection, signal: AbortSignal): Promise<Finding[]> {
  const { client, url } = connection;
  const findings: Finding[] = [await lookAtKeyFile(connection)];
  try {
    const { status, version } = await client.health({ signal });
    findings.push(ok("coordinator", `${url} ${status}${version === undefined ? "" : `, version ${version}`}`));
  } catch (error) {
    findings.push(fail("coordinator", messageOf(error), hintOf(error, `Start it: scripts/up`)));
    return findings;
  }
  findings.push(
    await client.ready({ signal }).then(
      () => ok("database and queue", "ready"),
      (error: unknown) =>
        fail("database and queue", messageOf(error), hintOf(error, "See the coordinator's log in <data-dir>/logs.")),
    ),
  );
  try {
    findings.push(...lookAtRunners(await client.runners.list({ signal })));
  } catch (error) {
    findings.push(fail("key", messageOf(error), hintOf(error, "Name the right key with --key-file.")));
  }
  return findings;
}

async function lookAtKeyFile({ keyFile, key }: Connection): Promise<Finding> {
  if (key === undefined) {
    return warn(
      "key file",
      `${keyFile} is not there`,
      "Name it with --key-file, or its data directory with --data-dir.",
    );
  }
  const { mode } = await stat(keyFile);
  if ((mode & 0o077) === 0) return ok("key file", keyFile);
  return fail(
    "key file",
    `${keyFile} can be read by others (mode ${(mode & 0o777).toString(8)})`,
    `chmod 600 ${keyFile}`,
  );
}

function lookAtRunners(runners: readonly Runner[]): Finding[] {
  const online = runners.filter((runner) => runner.status === "online");
  if (online.length === 0) {
    return [
      fail("runners", "none is online: runs wait", "Start one: runner/runner --coordinator-url URL --token-file FILE"),
    ];
  }
  const slots = online.reduce((sum, runner) => sum + runner.slots, 0);
  const findings: Finding[] = [ok("runners", `${online.length} online with ${slots} slots`)];
  for (const runner of online) {
    if (runner.not_ready_reason === null) continue;
    const fix = "Mend it on its host; it is asked again by itself.";
    findings.push(warn("runners", `${runner.runner_id} on ${runner.hostname}: ${runner.not_ready_reason}`, fix));
  }
  const executors = [...new Set(online.flatMap((runner) => Object.keys(runner.executors)))].sort();
  if (executors.length > 0) findings.push(ok("executors online", executors.join(", ")));
  return findings;
}

function messageOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}

function hintOf(error: unknown, otherwise: string): string {
  return (isParallaxError(error) ? error.hint : undefined) ?? otherwise;
}
