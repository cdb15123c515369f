import { ParallaxError } from "@parallax/shared/errors";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";

/**
 * Reads a JSON body within bounds: size while it arrives, depth and characters that Postgres cannot hold after it was parsed. Everything that is
 * wrong with it is the caller's error, never a 500.
 */
export async function readJsonBody(request: Request, optional: boolean): Promise<unknown> {
  const bytes = await readBounded(request, DEFAULT_LIMITS.bodyBytesMax);
  if (bytes.length === 0 && optional) return {};
  let text: string;
  try {
    text = new TextDecoder("utf-8", { fatal: true }).decode(bytes);
  } catch {
    throw new ParallaxError("invalid_json", "the body is not UTF-8");
  }
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch (error) {
    throw new ParallaxError("invalid_json", `the body is not JSON: ${(error as Error).message.slice(0, 200)}`);
  }
  checkValue(value, 0);
  return value;
}

async function readBounded(request: Request, bytesMax: number): Promise<Buffer> {
  const declared = Number(request.headers.get("content-length") ?? 0);
  if (declared > bytesMax) throw tooLarge(bytesMax);
  if (request.body === null) return Buffer.alloc(0);
  const chunks: Uint8Array[] = [];
  let size = 0;
  for await (const chunk of request.body) {
    size += chunk.length;
    if (size > bytesMax) throw tooLarge(bytesMax);
    chunks.push(chunk);
  }
  return Buffer.concat(chunks);
}

function tooLarge(bytesMax: number): ParallaxError {
  return new ParallaxError("body_too_large", `a body has at most ${bytesMax} bytes`);
}

function checkValue(value: unknown, depth: number): void {
  if (depth > DEFAULT_LIMITS.jsonDepthMax)
    throw new ParallaxError("invalid_json", `JSON is nested deeper than ${DEFAULT_LIMITS.jsonDepthMax} levels`);
  if (typeof value === "string") {
    if (value.includes("\u0000")) throw new ParallaxError("invalid_request", "strings must not contain NUL");
    if (!value.isWellFormed()) throw new ParallaxError("invalid_request", "strings must be well-formed Unicode");
    return;
  }
  if (Array.isArray(value)) {
    for (const entry of value) checkValue(entry, depth + 1);
    return;
  }
  if (typeof value !== "object" || value === null) return;
  for (const [key, entry] of Object.entries(value)) {
    checkValue(key, depth + 1);
    if (key === "__proto__") throw new ParallaxError("invalid_request", "__proto__ is not a field");
    checkValue(entry, depth + 1);
  }
}
