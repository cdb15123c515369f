/** Writes a planned reply as the Messages API does: as server-sent events, or as one JSON document when the client asked for none. */
import type { ServerResponse } from "node:http";
import { setTimeout as pause } from "node:timers/promises";
import type { ScriptItem } from "./script.ts";

export interface Usage {
  readonly input_tokens: number;
  readonly output_tokens: number;
  readonly cache_creation_input_tokens: number;
  readonly cache_read_input_tokens: number;
}

export interface ReplyContext {
  readonly response: ServerResponse;
  readonly model: string;
  /** Makes message and tool-call ids unique in this server's life. */
  readonly requestNumber: number;
  readonly requestBytes: number;
  readonly stream: boolean;
  /** Aborted when the client goes away or the server closes. */
  readonly signal: AbortSignal;
  /** Breaks the connection. */
  readonly drop: () => void;
}

type Block =
  | { readonly type: "text"; readonly text: string }
  | { readonly type: "thinking"; readonly thinking: string; readonly signature: string }
  | { readonly type: "tool_use"; readonly id: string; readonly name: string; readonly input: unknown };

/** Returns the usage that was reported. Rejects only when the signal aborts. */
export async function writeReply(items: readonly ScriptItem[], context: ReplyContext): Promise<Usage> {
  const { response } = context;
  const usage = usageOf(items, context);
  const stopReason = stopReasonOf(items);
  const head = {
    id: `msg_${context.requestNumber}`,
    type: "message",
    role: "assistant",
    model: context.model,
    stop_sequence: null,
  };
  if (!context.stream) return writeDocument(items, context, { ...head, stop_reason: stopReason, usage });
  const send = (type: string, data: object): void => {
    response.write(`event: ${type}\ndata: ${JSON.stringify({ type, ...data })}\n\n`);
  };
  response.writeHead(200, { "content-type": "text/event-stream", "cache-control": "no-cache" });
  send("message_start", {
    message: { ...head, content: [], stop_reason: null, usage: { ...usage, output_tokens: 1 } },
  });
  send("ping", {});
  let index = 0;
  for (const [position, item] of items.entries()) {
    if (await actOn(item, context)) return usage;
    const block = blockOf(item, context.requestNumber, position);
    if (block === null) continue;
    await sendBlock(send, block, index, item, context.signal);
    index += 1;
  }
  send("message_delta", {
    delta: { stop_reason: stopReason, stop_sequence: null },
    usage: { output_tokens: usage.output_tokens },
  });
  send("message_stop", {});
  response.end();
  return usage;
}

async function writeDocument(
  items: readonly ScriptItem[],
  context: ReplyContext,
  head: { readonly usage: Usage; readonly [key: string]: unknown },
): Promise<Usage> {
  const content: Block[] = [];
  for (const [position, item] of items.entries()) {
    if (await actOn(item, context)) return head.usage;
    const block = blockOf(item, context.requestNumber, position);
    if (block !== null) content.push(block);
  }
  context.response.writeHead(200, { "content-type": "application/json" });
  context.response.end(JSON.stringify({ ...head, content }));
  return head.usage;
}

/** Pauses, hangs or breaks the connection where the item says so; true when the reply ends here. */
async function actOn(item: ScriptItem, { signal, drop }: ReplyContext): Promise<boolean> {
  if ("drop" in item) {
    drop();
    return true;
  }
  if ("hang" in item) await untilAborted(signal);
  if ("slow_ms" in item && !("say" in item)) await pause(item.slow_ms, undefined, { signal });
  return false;
}

function untilAborted(signal: AbortSignal): Promise<never> {
  return new Promise((_resolve, reject) => {
    const abort = (): void => reject(signal.reason as Error);
    if (signal.aborted) abort();
    else signal.addEventListener("abort", abort, { once: true });
  });
}

function blockOf(item: ScriptItem, requestNumber: number, position: number): Block | null {
  if ("say" in item) return { type: "text", text: item.say };
  if ("think" in item) return { type: "thinking", thinking: item.think, signature: `signature-${requestNumber}` };
  if ("tool" in item)
    return { type: "tool_use", id: `toolu_${requestNumber}_${position}`, name: item.tool, input: item.input };
  return null;
}

async function sendBlock(
  send: (type: string, data: object) => void,
  block: Block,
  index: number,
  item: ScriptItem,
  signal: AbortSignal,
): Promise<void> {
  const delta = (data: object): void => send("content_block_delta", { index, delta: data });
  if (block.type === "text") {
    send("content_block_start", { index, content_block: { type: "text", text: "" } });
    const slowMs = "say" in item ? item.slow_ms : undefined;
    for (const text of splitText(block.text, ("say" in item ? item.chunks : undefined) ?? 2)) {
      delta({ type: "text_delta", text });
      if (slowMs !== undefined) await pause(slowMs, undefined, { signal });
    }
  } else if (block.type === "thinking") {
    send("content_block_start", { index, content_block: { type: "thinking", thinking: "", signature: "" } });
    delta({ type: "thinking_delta", thinking: block.thinking });
    delta({ type: "signature_delta", signature: block.signature });
  } else {
    send("content_block_start", { index, content_block: { ...block, input: {} } });
    for (const json of splitText(JSON.stringify(block.input), 2))
      delta({ type: "input_json_delta", partial_json: json });
  }
  send("content_block_stop", { index });
}

/** Splits by code points, so that no piece ends inside a surrogate pair. */
function splitText(text: string, pieces: number): string[] {
  const points = [...text];
  const size = Math.max(1, Math.ceil(points.length / pieces));
  const parts: string[] = [];
  for (let start = 0; start < points.length; start += size) parts.push(points.slice(start, start + size).join(""));
  return parts;
}

function stopReasonOf(items: readonly ScriptItem[]): string {
  if (items.some((item) => "refuse" in item)) return "refusal";
  return items.some((item) => "tool" in item) ? "tool_use" : "end_turn";
}

/** An estimate from the sizes alone, so that the same request always costs the same. */
function usageOf(items: readonly ScriptItem[], context: ReplyContext): Usage {
  const replyBytes = items.reduce((sum, item) => sum + JSON.stringify(item).length, 0);
  const usage = {
    input_tokens: Math.ceil(context.requestBytes / 4),
    output_tokens: Math.ceil(replyBytes / 4),
    cache_creation_input_tokens: 0,
    cache_read_input_tokens: 0,
  };
  for (const item of items) if ("usage" in item) Object.assign(usage, item.usage);
  return usage;
}
