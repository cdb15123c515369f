import type { IncomingMessage } from "node:http";

export const CALL_BODY_BYTES_MAX = 8 * 1024 * 1024;

/** The whole body, or null when it is longer than the bound. */
export async function readRequestBody(request: IncomingMessage): Promise<Buffer | null> {
  if (Number(request.headers["content-length"] ?? 0) > CALL_BODY_BYTES_MAX) return null;
  const chunks: Buffer[] = [];
  let bytes = 0;
  for await (const chunk of request as AsyncIterable<Buffer>) {
    bytes += chunk.length;
    if (bytes > CALL_BODY_BYTES_MAX) return null;
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "localhost"]);

/** A page in a browser that was led to this address by its own name server still sends its own name. */
export function namesLoopback(host: string | undefined): boolean {
  return host !== undefined && LOOPBACK_NAMES.has(host.replace(/:\d+$/, ""));
}
