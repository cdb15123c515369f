/**
 * Makes strings of agents and other outsiders safe to print: no escape sequence, no cursor movement, no hidden direction
 * change reaches the terminal.
 */
import { stripVTControlCharacters } from "node:util";

// C0, DEL and C1 but for tab and newline (0x9b alone begins a sequence in some terminals), and Unicode's direction controls
const CONTROLS = /(?![\t\n])[\p{Cc}\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/gu;

export function stripControls(text: string): string {
  return stripVTControlCharacters(text.replaceAll("\r\n", "\n")).replace(CONTROLS, "");
}

/** The same on one line, for cells and summaries. */
export function toOneLine(text: string): string {
  return stripControls(text).replace(/\s+/g, " ").trim();
}

export function cutTo(text: string, charsMax: number): string {
  const chars = [...text];
  return chars.length <= charsMax ? text : `${chars.slice(0, Math.max(0, charsMax - 1)).join("")}…`;
}

/** JSON whose strings hold no control character, not even those that JSON.stringify lets pass. */
export function toSafeJson(value: unknown, space?: number): string {
  const text = JSON.stringify(value, null, space) ?? "null";
  return text.replace(/[\u007f-\u009f\u061c\u200e\u200f\u202a-\u202e\u2066-\u2069]/g, (char) => {
    return `\\u${char.charCodeAt(0).toString(16).padStart(4, "0")}`;
  });
}
