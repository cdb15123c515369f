/** Reads fields out of JSON that may be anything: a missing or strange field is null or empty, never an exception. */

export type Fields = Readonly<Record<string, unknown>>;

export function asFields(value: unknown): Fields {
  return typeof value === "object" && value !== null && !Array.isArray(value) ? (value as Fields) : {};
}

export function asList(value: unknown): readonly unknown[] {
  return Array.isArray(value) ? value : [];
}

export function asText(value: unknown): string | null {
  return typeof value === "string" ? value : null;
}

export function asNumber(value: unknown): number | null {
  return typeof value === "number" && Number.isFinite(value) ? value : null;
}

/** Without the entries that have nothing to say. */
export function present(fields: Fields): Fields {
  return Object.fromEntries(Object.entries(fields).filter(([, value]) => value !== null && value !== undefined));
}

/** Below the depth of JSON that the fleet takes, with room for what is put around it. */
const DEPTH_MAX = 32;
const TOO_DEEP = "nested too deeply to be shown";

/** Free-form JSON as it is, unless it is so deep that those who pass it on could not write or would not take it. */
export function shallow(value: unknown): unknown {
  return fitsDepth(value, DEPTH_MAX) ? value : TOO_DEEP;
}

function fitsDepth(value: unknown, depth: number): boolean {
  if (typeof value !== "object" || value === null) return true;
  return depth > 0 && Object.values(value).every((inner) => fitsDepth(inner, depth - 1));
}
