import { createHash, createHmac, pbkdf2Sync, randomBytes, timingSafeEqual } from "node:crypto";

/** What the client still has to do after it has seen the server's first message. */
export interface ScramFinal {
  /** The client's last message, with its proof. */
  readonly message: string;
  /** True when the server's last message proves that it, too, knows the password. */
  verify(serverFinal: string): boolean;
}

export interface ScramExchange {
  readonly firstMessage: string;
  /** Null when the server's message is not one this client can answer. */
  answer(serverFirst: string): ScramFinal | null;
}

const GS2_HEADER = "n,,";
/** More rounds than any sane server asks for; a hostile one must not keep the event loop busy. */
const ITERATIONS_MAX = 100_000;

const hmac = (key: Buffer, text: string): Buffer => createHmac("sha256", key).update(text).digest();

/**
 * SCRAM-SHA-256 (RFC 7677) without channel binding, for ASCII passwords.
 * The user name is left empty because Postgres takes it from the start-up message.
 */
export function beginScram(password: string): ScramExchange {
  const clientNonce = randomBytes(18).toString("base64");
  const firstBare = `n=,r=${clientNonce}`;
  return {
    firstMessage: GS2_HEADER + firstBare,
    answer: (serverFirst) => {
      const parts = /^r=([^,]+),s=([A-Za-z0-9+/=]+),i=(\d{1,6})$/.exec(serverFirst);
      const [, nonce = "", salt = "", rounds = ""] = parts ?? [];
      const iterations = Number(rounds);
      if (parts === null || !nonce.startsWith(clientNonce) || iterations < 1 || iterations > ITERATIONS_MAX)
        return null;
      const salted = pbkdf2Sync(password, Buffer.from(salt, "base64"), iterations, 32, "sha256");
      const clientKey = hmac(salted, "Client Key");
      const storedKey = createHash("sha256").update(clientKey).digest();
      const withoutProof = `c=${Buffer.from(GS2_HEADER).toString("base64")},r=${nonce}`;
      const transcript = `${firstBare},${serverFirst},${withoutProof}`;
      const signature = hmac(storedKey, transcript);
      const proof = Buffer.from(clientKey.map((byte, at) => byte ^ (signature[at] ?? 0)));
      const expected = hmac(hmac(salted, "Server Key"), transcript);
      return {
        message: `${withoutProof},p=${proof.toString("base64")}`,
        verify: (serverFinal) => {
          const claimed = Buffer.from(serverFinal.replace(/^v=/, ""), "base64");
          return claimed.length === expected.length && timingSafeEqual(claimed, expected);
        },
      };
    },
  };
}
