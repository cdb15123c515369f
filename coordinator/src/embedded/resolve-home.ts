import { createHash, randomBytes } from "node:crypto";
import { chmod, mkdir, readFile, realpath, stat } from "node:fs/promises";
import { isAbsolute, join } from "node:path";
import { isParallaxError, ParallaxError } from "@parallax/shared/errors";
import { z } from "zod";
import { isErrno, writeOnce, writeWhole } from "./drafts.ts";
import type { Account } from "./find-account.ts";
import { findAccount } from "./find-account.ts";

/** Where one data directory's cluster lives. As root that is outside of it, where Postgres's own user can enter. */
export interface Home {
  readonly id: string;
  readonly dataDir: string;
  /** `<dataDir>/postgres`: what belongs to the coordinator alone (id, password, port). */
  readonly stateDir: string;
  readonly homeDir: string;
  readonly clusterDir: string;
  readonly logFile: string;
  readonly portFile: string;
  /** Where the copied binaries are kept, by version. */
  readonly runtimesDir: string;
  readonly password: string;
  /** Null when Postgres runs as the coordinator's own user. */
  readonly account: Account | null;
}

/** The one file in the data directory that says where its database is. Written once, whole, mode 0600. */
const clusterFile = z.object({
  id: z.string().regex(/^[0-9a-f]{32}$/),
  home: z.string(),
  password: z.string().min(16),
});
/** The same id at the other end, so that a cluster is never taken for another data directory's. */
export const homeFile = z.object({ id: z.string(), data_dir: z.string() });

export const HOME_FILE = "home.json";
/** Non-root: the home is the state directory itself, so that a moved data directory still finds it. */
const INSIDE = ".";

/** Does: finds or founds the home of a data directory's cluster. Never makes a second one for the same directory. */
export async function resolveHome(dataDir: string, systemDir: string): Promise<Home> {
  try {
    await mkdir(join(dataDir, "postgres"), { recursive: true, mode: 0o700 });
    const real = await realpath(dataDir);
    refuseUnquotablePath(real);
    const stateDir = join(real, "postgres");
    const asRoot = process.getuid?.() === 0;
    const file = await foundCluster(stateDir, asRoot ? { systemDir, real } : null);
    if (asRoot !== isAbsolute(file.home)) {
      throw unusable(`the database in ${real} was made by ${asRoot ? "an ordinary user" : "root"}`, {
        hint: "Start the coordinator as the user that made it.",
      });
    }
    const named = asRoot ? file.home : stateDir;
    const portFile = join(stateDir, "port");
    // The port is written after the first start, so it tells a cluster that vanished from one that never was.
    if ((await exists(portFile)) && !(await exists(join(named, "cluster")))) {
      throw unusable(`the database of ${real} is gone from ${named}`, {
        hint: `Bring ${named} back, or delete ${stateDir} to start with an empty database.`,
      });
    }
    await mkdir(join(named, "log"), { recursive: true });
    // The processes of a cluster are recognised by their working directory, which the system gives without links.
    const homeDir = await realpath(named);
    const home = {
      id: file.id,
      dataDir: real,
      stateDir,
      homeDir,
      clusterDir: join(homeDir, "cluster"),
      logFile: join(homeDir, "log", "postgres.log"),
      portFile,
      runtimesDir: asRoot ? systemDir : homeDir,
      password: file.password,
    };
    if (asRoot) {
      await letOthersThrough(systemDir, homeDir);
      await claimHome(home);
    }
    return { ...home, account: asRoot ? await chooseAccount(home.clusterDir) : null };
  } catch (error) {
    if (isParallaxError(error)) throw error;
    throw unusable(
      `the data directory ${dataDir} cannot be used: ${error instanceof Error ? error.message : "unknown error"}`,
      {
        hint: "The coordinator's user must own the directory and be able to write to it; its disk must not be full.",
        cause: error,
      },
    );
  }
}

async function foundCluster(stateDir: string, root: { systemDir: string; real: string } | null) {
  const path = join(stateDir, "cluster.json");
  const id = randomBytes(16).toString("hex");
  const name =
    root === null ? "" : `${createHash("sha256").update(root.real).digest("hex").slice(0, 12)}-${id.slice(0, 8)}`;
  const fresh = {
    id,
    home: root === null ? INSIDE : join(root.systemDir, name),
    password: randomBytes(24).toString("base64url"),
  };
  if (!(await exists(path))) await writeOnce(path, `${JSON.stringify(fresh)}\n`);
  const parsed = clusterFile.safeParse(await readJson(path));
  if (parsed.success) return parsed.data;
  throw unusable(`${path} is damaged`, {
    hint: `It holds the database's place and password. Restore it, or delete ${stateDir} to start with an empty database.`,
  });
}

/** Ties the home to this data directory; refuses one that another living data directory is tied to. */
async function claimHome(home: Omit<Home, "account">): Promise<void> {
  const path = join(home.homeDir, HOME_FILE);
  const text = `${JSON.stringify({ id: home.id, data_dir: home.dataDir })}\n`;
  if (await writeOnce(path, text)) return;
  const claimed = homeFile.safeParse(await readJson(path)).data;
  if (claimed?.id !== home.id) throw unusable(`${home.homeDir} belongs to another database`, {});
  if (claimed.data_dir === home.dataDir) return;
  const other = clusterFile.safeParse(await readJson(join(claimed.data_dir, "postgres", "cluster.json"))).data;
  if (other?.id === home.id) {
    throw unusable(`${home.dataDir} is a copy of ${claimed.data_dir}, and both name the same database`, {
      hint: `Delete ${home.stateDir} to start with an empty database there.`,
    });
  }
  // The data directory was moved: its cluster goes with it.
  await writeWhole(path, text);
}

/** A cluster keeps the user that made it, whatever users the system has gained since. */
async function chooseAccount(clusterDir: string): Promise<Account> {
  const owner = await stat(clusterDir).catch(() => null);
  return owner === null || owner.uid === 0 ? await findAccount() : { uid: owner.uid, gid: owner.gid };
}

/** Postgres's own user must reach the cluster, whatever root's umask is. The cluster itself is closed to all others. */
async function letOthersThrough(...dirs: string[]): Promise<void> {
  for (const dir of dirs) {
    const { mode } = await stat(dir);
    if ((mode & 0o011) !== 0o011) await chmod(dir, (mode & 0o7777) | 0o011);
  }
}

/** initdb starts its server through a shell with the path in double quotes. */
function refuseUnquotablePath(path: string): void {
  if (!/["$`\\\n]/.test(path)) return;
  throw unusable("the path of the data directory holds a quote, $, `, backslash or line break", {
    hint: "Choose another data directory, or set DATABASE_URL.",
  });
}

const exists = async (path: string): Promise<boolean> => (await stat(path).catch(ignoreAbsence)) !== null;

function ignoreAbsence(error: unknown): null {
  if (isErrno(error, "ENOENT")) return null;
  throw error;
}

export async function readJson(path: string): Promise<unknown> {
  try {
    return JSON.parse(await readFile(path, "utf8"));
  } catch (error) {
    if (error instanceof SyntaxError || isErrno(error, "ENOENT", "ENOTDIR")) return null;
    throw error;
  }
}

function unusable(message: string, extras: { hint?: string; cause?: unknown }): ParallaxError {
  return new ParallaxError("data_dir_unusable", message, extras);
}
