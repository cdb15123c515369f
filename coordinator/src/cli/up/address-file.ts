/** The file in the data directory by which commands find its coordinator, and a later `up` what an earlier one left. */
import { writeFileSync } from "node:fs";
import { readFile, rm } from "node:fs/promises";
import { join } from "node:path";
import { ADDRESS_FILE } from "../connect.ts";

interface Pids {
  readonly up_pid?: number | undefined;
  readonly pid?: number | undefined;
  readonly runner_pid?: number | undefined;
}

export interface AddressFile {
  /** Writes the file; until then the one of a coordinator that is still there stays as it is. */
  publish(url: string): void;
  note(pids: Pids): void;
  remove(): Promise<void>;
}

export function openAddressFile(dataDir: string, upPid: number): AddressFile {
  const path = join(dataDir, ADDRESS_FILE);
  let url: string | null = null;
  let known: Pids = { up_pid: upPid };
  const write = () => {
    if (url !== null) writeFileSync(path, `${JSON.stringify({ url, ...known })}\n`, { mode: 0o600 });
  };
  return {
    publish(reachedAt) {
      url = reachedAt;
      write();
    },
    note(pids) {
      known = { ...known, ...pids };
      write();
    },
    async remove() {
      url = null;
      await rm(path, { force: true });
    },
  };
}

/** How each of them is started; a process id that somebody else has by now does not look like that. */
const LOOKS = {
  up_pid: /cli\/main\.ts\0up\0/,
  pid: /coordinator\/src\/main\.ts\0/,
  runner_pid: /runner\/(?:runner|src\/main\.ts)\0/,
} as const;

export interface LeftRunning {
  readonly coordinatorPid: number | null;
  /** Ends all of it. */
  readonly stopCommand: string;
}

/** What runs on this data directory; null when nothing is known to. */
export async function findLeftRunning(dataDir: string): Promise<LeftRunning | null> {
  const file = await readFile(join(dataDir, ADDRESS_FILE), "utf8").catch(() => "");
  const living = async (name: keyof typeof LOOKS) => {
    const pid = readPid(file, name);
    return pid !== null && LOOKS[name].test(await readCommandLine(pid)) ? pid : null;
  };
  const [up, coordinatorPid, runner] = await Promise.all([living("up_pid"), living("pid"), living("runner_pid")]);
  // a living `up` ends its parts itself, in their order
  const pids = up === null ? [coordinatorPid, runner].filter((pid) => pid !== null) : [up];
  return pids.length === 0 ? null : { coordinatorPid, stopCommand: `kill ${pids.join(" ")}` };
}

function readPid(file: string, name: string): number | null {
  try {
    const value = (JSON.parse(file) as Record<string, unknown> | null)?.[name];
    return typeof value === "number" && Number.isSafeInteger(value) && value > 1 ? value : null;
  } catch {
    return null;
  }
}

async function readCommandLine(pid: number): Promise<string> {
  return await readFile(`/proc/${pid}/cmdline`, "utf8").catch(() => "");
}
