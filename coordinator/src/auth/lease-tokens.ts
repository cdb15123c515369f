import { createHmac, randomBytes, timingSafeEqual } from "node:crypto";
import { insertServerKey, listServerKeys } from "../store/server-keys.ts";
import type { Store } from "../store/store.ts";

/**
 * A lease token is `lt1.<key id>.<run>.<attempt>.<HMAC(server key, run, attempt, claim id)>`. Nothing secret is stored per attempt: the
 * claim id makes the token of a repeated attempt number impossible to guess, and revocation is the condition of the write itself.
 */
export interface LeaseTokens {
  make(runId: string, attempt: number, claimId: string): string;
  /** What the token says it is for; null when it is not one of ours. Proves nothing until `matches`. */
  read(token: string): ReadToken | null;
  matches(token: ReadToken, claimId: string): boolean;
}

interface ReadToken {
  readonly keyId: string;
  readonly runId: string;
  readonly attempt: number;
  readonly mac: string;
}

const TOKEN = /^lt1\.([a-z0-9]{1,32})\.(run_[A-Za-z0-9]{1,64})\.([1-9][0-9]{0,8})\.([A-Za-z0-9_-]{43})$/;

export async function openLeaseTokens(store: Store): Promise<LeaseTokens> {
  let keys = await listServerKeys(store.db);
  if (!keys.some((key) => key.retiredAt === null)) {
    await insertServerKey(store.db, { id: randomBytes(4).toString("hex"), secret: randomBytes(32) });
    keys = await listServerKeys(store.db);
  }
  const current = keys.find((key) => key.retiredAt === null);
  if (current === undefined) throw new Error("no server key could be made");
  const secrets = new Map(keys.map((key) => [key.id, key.secret]));

  const mac = (keyId: string, runId: string, attempt: number, claimId: string): string | null => {
    const secret = secrets.get(keyId);
    return secret === undefined
      ? null
      : createHmac("sha256", secret).update(`${runId}\n${attempt}\n${claimId}`).digest("base64url");
  };
  return {
    make: (runId, attempt, claimId) =>
      `lt1.${current.id}.${runId}.${attempt}.${mac(current.id, runId, attempt, claimId)}`,
    read: (token) => {
      const match = TOKEN.exec(token);
      return match === null
        ? null
        : { keyId: match[1] as string, runId: match[2] as string, attempt: Number(match[3]), mac: match[4] as string };
    },
    matches: (token, claimId) => {
      const expected = mac(token.keyId, token.runId, token.attempt, claimId);
      return expected !== null && timingSafeEqual(Buffer.from(expected), Buffer.from(token.mac));
    },
  };
}
