/** How Postgres says no, by its codes; drizzle wraps the driver's error as `cause`. */

interface Coded {
  readonly code?: unknown;
  readonly cause?: unknown;
  readonly constraint_name?: unknown;
}

function chain(error: unknown): Coded[] {
  const found: Coded[] = [];
  let current = error;
  while (typeof current === "object" && current !== null && found.length < 5) {
    found.push(current as Coded);
    current = (current as Coded).cause;
  }
  return found;
}

const TRANSIENT = new Set(["40001", "40P01"]);
const UNAVAILABLE = new Set([
  "57P01",
  "57P02",
  "57P03",
  "08000",
  "08003",
  "08006",
  "08001",
  "53300",
  "ECONNREFUSED",
  "ECONNRESET",
  "ENOENT",
  "EPIPE",
  "ETIMEDOUT",
  "CONNECT_TIMEOUT",
  "CONNECTION_CLOSED",
  "CONNECTION_ENDED",
  "CONNECTION_DESTROYED",
]);

export function isTransient(error: unknown): boolean {
  return chain(error).some((link) => typeof link.code === "string" && TRANSIENT.has(link.code));
}

export function isUnavailable(error: unknown): boolean {
  return chain(error).some((link) => typeof link.code === "string" && UNAVAILABLE.has(link.code));
}
