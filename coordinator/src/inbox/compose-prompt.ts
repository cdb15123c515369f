import type { ItemRecord } from "../store/records.ts";
import type { ChildReport } from "./pay-duty.ts";

export interface PromptParts {
  /** What a person or parent asked; null when only inbox items woke the session. */
  readonly prompt: string | null;
  readonly items: readonly ItemRecord[];
  readonly interrupted: { readonly children: readonly string[] } | null;
  /** One child's part; what is cut is said, with the call that reads the rest. */
  readonly resultBytesMax: number;
}

/** What the agent reads: a notice if it was interrupted, then the reports and messages, then what was asked. */
export function composePrompt(parts: PromptParts): string {
  const blocks: string[] = [];
  if (parts.interrupted !== null) blocks.push(interruptionNotice(parts.interrupted.children));
  const reports = parts.items.filter((item) => item.kind === "child_done");
  if (reports.length > 0) blocks.push(callbackMessage(reports, parts.resultBytesMax));
  for (const item of parts.items) {
    if (item.kind !== "child_done") blocks.push(`${String(item.payload["message"] ?? "")}${repeatNote([item])}`);
  }
  if (parts.prompt !== null) blocks.push(parts.prompt);
  return blocks.join("\n\n");
}

function callbackMessage(items: readonly ItemRecord[], resultBytesMax: number): string {
  const reports = items.map((item) => item.payload as unknown as ChildReport);
  const first = reports[0];
  const ask = `${items.length === 1 ? "A session that you started has ended" : "Sessions that you started have ended"}; continue your work with what is reported above.${repeatNote(items)}`;
  if (reports.length === 1 && first !== undefined) {
    const heading = first.status === "completed" ? "## Child Result" : "## Error";
    return `<agent-callback session="${first.session_id}" status="${first.status}">\n${heading}\n\n${bodyOf(first, resultBytesMax)}\n</agent-callback>\n\n${ask}`;
  }
  const children = reports.map(
    (report) => `### Child: ${report.session_id} (status: ${report.status})\n\n${bodyOf(report, resultBytesMax)}`,
  );
  return `<agent-callback type="aggregated" count="${reports.length}">\n${children.join("\n\n---\n\n")}\n</agent-callback>\n\n${ask}`;
}

function bodyOf(report: ChildReport, bytesMax: number): string {
  const text = report.status === "failed" ? (report.error ?? "The run failed.") : resultOf(report);
  return cut(escapeChildText(text), report.session_id, bytesMax);
}

function resultOf(report: ChildReport): string {
  if (report.result_data !== null && report.result_data !== undefined)
    return JSON.stringify(report.result_data, null, 2);
  return report.result_text === null || report.result_text === "" ? "(No result available)" : report.result_text;
}

/** A child can neither close the tag, nor open one, nor pass for another child's part. */
export function escapeChildText(text: string): string {
  return text
    .replace(/<(\/?)(agent-callback)/gi, "&lt;$1$2")
    .replace(/^([ \t]*)(#{1,6}[ \t]*Child:)/gim, "$1\\$2")
    .replace(/^([ \t]*)---([ \t]*)$/gm, "$1\\---$2");
}

function cut(text: string, sessionId: string, bytesMax: number): string {
  const bytes = Buffer.from(text, "utf8");
  if (bytes.length <= bytesMax) return text;
  // a cut inside a character would leave a broken one: decode without it
  const head = new TextDecoder("utf-8", { ignoreBOM: true }).decode(bytes.subarray(0, bytesMax), { stream: true });
  return `${head}\n\n[cut after ${bytesMax} of ${bytes.length} bytes; get_agent_session_result("${sessionId}") reads all of it]`;
}

/** A message may be repeated after a crash between taking and acknowledging it: the text carries the item's id. */
function repeatNote(items: readonly ItemRecord[]): string {
  const repeated = items.filter((item) => item.deliveries > 0);
  if (repeated.length === 0) return "";
  return ` (This may be a repeat of what an interrupted attempt has read: ${repeated.map((item) => item.id).join(", ")}.)`;
}

function interruptionNotice(children: readonly string[]): string {
  const started =
    children.length === 0
      ? ""
      : ` Sessions that you had started in it: ${children.join(", ")}; do not start them again.`;
  return `<attempt-interrupted>\nYour previous attempt at this turn was interrupted before it ended. Check what is done already, then go on; what you were asked follows again.${started}\n</attempt-interrupted>`;
}
