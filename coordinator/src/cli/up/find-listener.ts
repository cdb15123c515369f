/** Which process listens on a TCP port, from /proc; null where that cannot be known. */
import { readdir, readFile, readlink } from "node:fs/promises";

const LISTENING = "0A";

export interface Listener {
  readonly pid: number;
  readonly command: string;
}

export async function findListener(port: number): Promise<Listener | null> {
  const inodes = await listeningInodes(port);
  if (inodes.size === 0) return null;
  for (const name of await readdir("/proc").catch(() => [])) {
    if (!/^\d+$/.test(name)) continue;
    for (const fd of await readdir(`/proc/${name}/fd`).catch(() => [])) {
      const target = await readlink(`/proc/${name}/fd/${fd}`).catch(() => "");
      if (!inodes.has(target)) continue;
      const command = await readFile(`/proc/${name}/cmdline`, "utf8").catch(() => "");
      return { pid: Number(name), command: command.replaceAll("\0", " ").trim().slice(0, 120) };
    }
  }
  return null;
}

async function listeningInodes(port: number): Promise<ReadonlySet<string>> {
  const hexPort = port.toString(16).toUpperCase().padStart(4, "0");
  const inodes = new Set<string>();
  for (const file of ["/proc/net/tcp", "/proc/net/tcp6"]) {
    const text = await readFile(file, "utf8").catch(() => "");
    for (const line of text.split("\n").slice(1)) {
      // sl local_address rem_address st tx:rx tr:tm retrnsmt uid timeout inode …
      const columns = line.trim().split(/\s+/);
      if (columns[1]?.endsWith(`:${hexPort}`) && columns[3] === LISTENING) inodes.add(`socket:[${columns[9]}]`);
    }
  }
  return inodes;
}
