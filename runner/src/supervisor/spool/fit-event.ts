import type { AgentEvent } from "@parallax/shared/executor/adapter";

/** Levels of nesting that are kept; deeper values become their JSON text. The coordinator refuses bodies deeper than 64. */
const DEPTH_MAX = 40;
const TEXT_KEY = "text";

/** An event as it goes into the log: `data` is its JSON text. */
export interface FittedEvent {
  readonly type: AgentEvent["type"];
  readonly data: string;
}

/** As fitEvent, with the texts that are written and counted. */
export function fitToText(event: AgentEvent, bytesMax: number): FittedEvent[] {
  return fitEvent(event, bytesMax).map(({ type, data }) => ({ type, data: JSON.stringify(data) }));
}

/**
 * Makes an event that the coordinator will take: storable text (no NUL, no lone surrogate), bounded depth, bounded size.
 * Raw output is continued in further events; of anything else the longest texts are cut, and the event says so.
 */
export function fitEvent(event: AgentEvent, bytesMax: number): AgentEvent[] {
  const data = cleanValue(event.data, 0) as Record<string, unknown>;
  const bytes = byteLength(data);
  if (bytes <= bytesMax) return [{ type: event.type, data }];
  const text = data[TEXT_KEY];
  if (event.type === "output" && typeof text === "string") {
    const rest = byteLength({ ...data, [TEXT_KEY]: "" });
    return splitText(text, bytesMax - rest - 64).map((part) => ({
      type: event.type,
      data: { ...data, [TEXT_KEY]: part },
    }));
  }
  return [{ type: event.type, data: shrink(data, bytes, bytesMax) }];
}

/** Any JSON value as the coordinator can store it. */
export function cleanValue(value: unknown, depth = 0): unknown {
  if (typeof value === "string") return cleanText(value);
  if (typeof value === "bigint") return value.toString();
  if (typeof value !== "object" || value === null) return value;
  if (depth >= DEPTH_MAX) return cleanText(JSON.stringify(value));
  if (Array.isArray(value)) return value.map((member) => cleanValue(member, depth + 1));
  const members = Object.entries(value).map(([key, member]) => [cleanKey(key), cleanValue(member, depth + 1)]);
  return Object.fromEntries(members);
}

/** Readers of JSON drop a key of this name to protect themselves; both ends must write the same bytes. */
function cleanKey(key: string): string {
  return key === "__proto__" ? "__proto__ " : cleanText(key);
}

export function cleanText(text: string): string {
  return text.replaceAll("\u0000", "\ufffd").toWellFormed();
}

/** Cuts every text to the same length, halved until the whole fits. */
function shrink(data: Record<string, unknown>, originalBytes: number, bytesMax: number): Record<string, unknown> {
  const mark = { truncated: true, original_bytes: originalBytes };
  for (let lengthMax = bytesMax; lengthMax >= 16; lengthMax = Math.floor(lengthMax / 2)) {
    const shorter = { ...(cutTexts(data, lengthMax) as Record<string, unknown>), ...mark };
    if (byteLength(shorter) <= bytesMax) return shorter;
  }
  return mark;
}

function cutTexts(value: unknown, lengthMax: number): unknown {
  if (typeof value === "string")
    return value.length <= lengthMax ? value : `${value.slice(0, lengthMax)}…`.toWellFormed();
  if (typeof value !== "object" || value === null) return value;
  if (Array.isArray(value)) return value.map((member) => cutTexts(member, lengthMax));
  return Object.fromEntries(Object.entries(value).map(([key, member]) => [key, cutTexts(member, lengthMax)]));
}

/** Parts whose JSON text has at most `bytesMax` bytes each, cut between characters. */
function splitText(text: string, bytesMax: number): string[] {
  const parts: string[] = [];
  let start = 0;
  while (start < text.length) {
    let length = Math.min(text.length - start, bytesMax);
    while (length > 1 && byteLength(text.slice(start, start + length)) > bytesMax) length = Math.ceil(length / 2);
    const last = text.charCodeAt(start + length - 1);
    if (length > 1 && last >= 0xd800 && last <= 0xdbff) length -= 1;
    parts.push(text.slice(start, start + length));
    start += length;
  }
  return parts;
}

function byteLength(value: unknown): number {
  return Buffer.byteLength(JSON.stringify(value));
}
