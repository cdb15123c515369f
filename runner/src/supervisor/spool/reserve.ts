import { open, rm } from "node:fs/promises";

/** Room for the completion and the log's last words on a disk that others have filled. */
const RESERVE_BYTES = 1024 * 1024;

export async function takeReserve(path: string): Promise<void> {
  const file = await open(path, "w", 0o600);
  try {
    await file.writeFile(Buffer.alloc(RESERVE_BYTES));
    // Some file systems find out only now that there is no room.
    await file.sync();
  } finally {
    await file.close();
  }
}

export async function releaseReserve(path: string): Promise<void> {
  await rm(path, { force: true }).catch(() => undefined);
}

export function isDiskFull(error: unknown): boolean {
  const code = error instanceof Error && "code" in error ? error.code : undefined;
  return code === "ENOSPC" || code === "EDQUOT";
}
