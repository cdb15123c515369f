import { spawn } from "node:child_process";
import { chmod, chown, mkdir, open, readFile, rm, writeFile } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { ParallaxError } from "@parallax/shared/errors";
import { draftName, isErrno, moveInto, sweepDrafts } from "./drafts.ts";
import type { Runtime } from "./install-runtime.ts";
import type { Home } from "./resolve-home.ts";
import { SERVER_ENVIRONMENT, SUPERUSER } from "./settings.ts";

/**
 * Does: makes the cluster if there is none.
 * It is made beside its place and renamed into it, so that what is there is always whole, and of two processes that
 * make one at the same time the first wins and the second uses it.
 */
export async function initCluster(home: Home, runtime: Runtime): Promise<void> {
  await sweepDrafts(home.clusterDir);
  if (await checkVersion(home, runtime)) return;
  const draft = draftName(home.clusterDir);
  const passwordFile = `${draft}.password`;
  try {
    await mkdir(draft, { mode: 0o700 });
    await writeFile(passwordFile, `${home.password}\n`, { mode: 0o600, flag: "wx" });
    if (home.account !== null) {
      await chown(draft, home.account.uid, home.account.gid);
      await chown(passwordFile, home.account.uid, home.account.gid);
    }
    await runInitdb(home, runtime, draft, passwordFile);
    // initdb has written everything to disk; the rename must be as durable.
    if (await moveInto(draft, home.clusterDir)) await syncDirectory(dirname(home.clusterDir));
  } finally {
    await rm(passwordFile, { force: true });
    await rm(draft, { recursive: true, force: true });
  }
}

/** True when the cluster exists; refuses one of another major version, which these binaries cannot open. */
export async function checkVersion(home: Home, runtime: Runtime): Promise<boolean> {
  let found: string;
  try {
    found = (await readFile(join(home.clusterDir, "PG_VERSION"), "utf8")).trim();
  } catch (error) {
    if (isErrno(error, "ENOENT")) return false;
    throw error;
  }
  if (found === runtime.major) return true;
  throw new ParallaxError(
    "embedded_version_mismatch",
    `the database was made by Postgres ${found}, this is Postgres ${runtime.major}`,
    {
      hint:
        `Start the release of Parallax that made it, dump the database with pg_dump, move ${home.stateDir} away, start this ` +
        "release once and restore the dump; or set DATABASE_URL.",
      details: { found, expected: runtime.major, clusterDir: home.clusterDir },
    },
  );
}

async function runInitdb(home: Home, runtime: Runtime, target: string, passwordFile: string): Promise<void> {
  const args = [
    `--pgdata=${target}`,
    `--username=${SUPERUSER}`,
    `--pwfile=${passwordFile}`,
    "--auth=scram-sha-256",
    "--encoding=UTF8",
    // Sorting by code point needs no version of a library, so an index stays valid on another machine.
    "--locale=C",
    "--locale-provider=builtin",
    "--builtin-locale=C.UTF-8",
  ];
  await chmod(passwordFile, 0o400);
  const child = spawn(runtime.initdb, args, {
    cwd: home.homeDir,
    env: SERVER_ENVIRONMENT,
    stdio: ["ignore", "pipe", "pipe"],
    ...home.account,
  });
  let output = "";
  const collect = (chunk: Buffer): void => {
    output = (output + chunk.toString("utf8")).slice(-4_000);
  };
  child.stdout.on("data", collect);
  child.stderr.on("data", collect);
  const ended = await new Promise<number | Error>((resolve) => {
    child.once("error", resolve);
    child.once("close", (code) => resolve(code ?? -1));
  });
  if (ended === 0) return;
  if (isErrno(ended, "EACCES") && home.account !== null) {
    throw new ParallaxError("data_dir_unusable", `Postgres's own user cannot reach ${dirname(runtime.initdb)}`, {
      hint: "Every directory above it must let others pass (chmod o+x), and its file system must allow execution.",
      details: { uid: home.account.uid },
    });
  }
  throw new ParallaxError("embedded_start_failed", `${basename(runtime.initdb)} failed`, {
    hint: "The output says why; a full disk and missing permissions are the usual reasons.",
    details: { output: ended instanceof Error ? ended.message : output },
  });
}

async function syncDirectory(path: string): Promise<void> {
  const directory = await open(path, "r");
  try {
    await directory.sync();
  } finally {
    await directory.close();
  }
}
