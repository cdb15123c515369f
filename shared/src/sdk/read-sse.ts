/** Server-sent events out of an answer's body, as the WHATWG describes them; comments and unknown fields are dropped. */
export interface SseMessage {
  readonly id: string | null;
  readonly event: string;
  readonly data: string;
}

const EVENT_CHARS_MAX = 8 * 1024 * 1024;

export async function* readSse(body: ReadableStream<Uint8Array>): AsyncGenerator<SseMessage | "comment"> {
  const decoder = new TextDecoderStream() as unknown as ReadableWritablePair<string, Uint8Array>;
  const reader = body.pipeThrough(decoder).getReader();
  let buffer = "";
  let fields = newFields();
  try {
    for (;;) {
      const { value, done } = await reader.read();
      if (done) return; // an event without its empty line is incomplete: the caller reads it again after reconnecting
      buffer += value;
      // a lone \r at the end may be half of \r\n
      const lines = buffer.split(/\r\n|\n|\r(?!$)/);
      buffer = lines.pop() ?? "";
      if (buffer.length + fields.size > EVENT_CHARS_MAX) throw new Error("an event of the stream is too long");
      for (const line of lines) {
        if (line.startsWith(":")) yield "comment";
        else if (line !== "") addField(fields, line);
        else {
          if (fields.data.length > 0) yield { id: fields.id, event: fields.event, data: fields.data.join("\n") };
          fields = newFields();
        }
      }
    }
  } finally {
    await reader.cancel().catch(() => {});
  }
}

interface Fields {
  id: string | null;
  event: string;
  readonly data: string[];
  size: number;
}

const newFields = (): Fields => ({ id: null, event: "message", data: [], size: 0 });

function addField(fields: Fields, line: string): void {
  const colon = line.indexOf(":");
  const name = colon === -1 ? line : line.slice(0, colon);
  const value = colon === -1 ? "" : line.slice(colon + 1).replace(/^ /, "");
  fields.size += line.length;
  if (name === "data") fields.data.push(value);
  else if (name === "event") fields.event = value;
  else if (name === "id" && !value.includes("\0")) fields.id = value;
}
