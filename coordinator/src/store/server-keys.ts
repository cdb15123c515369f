import { asc } from "drizzle-orm";
import { serverKeys } from "./schema.ts";
import type { Tx } from "./store.ts";

export interface ServerKey {
  readonly id: string;
  readonly secret: Buffer;
  readonly retiredAt: Date | null;
}

export async function listServerKeys(tx: Tx): Promise<ServerKey[]> {
  return await tx
    .select({ id: serverKeys.id, secret: serverKeys.secret, retiredAt: serverKeys.retiredAt })
    .from(serverKeys)
    .orderBy(asc(serverKeys.createdAt));
}

export async function insertServerKey(tx: Tx, key: { id: string; secret: Buffer }): Promise<void> {
  await tx.insert(serverKeys).values(key);
}
