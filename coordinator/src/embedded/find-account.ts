import { execFile } from "node:child_process";
import { promisify } from "node:util";
import { ParallaxError } from "@parallax/shared/errors";

/** The unprivileged system user that Postgres runs as when the coordinator is root. */
export interface Account {
  readonly uid: number;
  readonly gid: number;
}

const run = promisify(execFile);
const OWN_USER = "parallax-postgres";

/** Postgres refuses to run as root: the system's `postgres` user is taken, else one of our own is made. */
export async function findAccount(): Promise<Account> {
  const existing = (await lookUp("postgres")) ?? (await lookUp(OWN_USER));
  if (existing !== null) return existing;
  try {
    await run("useradd", [
      "--system",
      "--no-create-home",
      "--home-dir",
      "/nonexistent",
      "--shell",
      "/bin/false",
      OWN_USER,
    ]);
  } catch (cause) {
    // A second coordinator may have made the user at the same moment.
    const made = await lookUp(OWN_USER);
    if (made !== null) return made;
    throw new ParallaxError(
      "embedded_no_user",
      "Postgres does not run as root and no system user could be made for it",
      {
        hint: `Create a system user named ${OWN_USER} (or postgres), run the coordinator as an ordinary user, or set DATABASE_URL.`,
        cause,
      },
    );
  }
  const made = await lookUp(OWN_USER);
  if (made !== null) return made;
  throw new ParallaxError("embedded_no_user", `the user ${OWN_USER} was made but cannot be found`, {
    hint: "Run the coordinator as an ordinary user, or set DATABASE_URL.",
  });
}

async function lookUp(name: string): Promise<Account | null> {
  try {
    const [uid, gid] = await Promise.all([run("id", ["-u", name]), run("id", ["-g", name])]);
    return { uid: Number(uid.stdout), gid: Number(gid.stdout) };
  } catch {
    return null;
  }
}
