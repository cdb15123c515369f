import type { Socket } from "node:net";

/** One message of Postgres's protocol, version 3: a type letter and its body. */
export interface Message {
  readonly type: string;
  readonly body: Buffer;
}

/** No answer to the few statements sent here comes near this; a longer one means another protocol. */
const MESSAGE_BYTES_MAX = 1024 * 1024;

export function encodeMessage(type: string, body: Buffer): Buffer {
  const head = Buffer.alloc(5);
  head.write(type, 0, "latin1");
  head.writeInt32BE(body.length + 4, 1);
  return Buffer.concat([head, body]);
}

/** The start-up message is the only one without a type letter. */
export function encodeStartup(parameters: Readonly<Record<string, string>>): Buffer {
  const pairs = Object.entries(parameters).map(([name, value]) => `${name}\0${value}\0`);
  const body = Buffer.from(`${pairs.join("")}\0`);
  const head = Buffer.alloc(8);
  head.writeInt32BE(body.length + 8, 0);
  head.writeInt32BE(196_608, 4);
  return Buffer.concat([head, body]);
}

/** The fields of an ErrorResponse by their letter: C is the SQLSTATE, M the message. */
export function decodeError(body: Buffer): { sqlState: string; text: string } {
  const fields = new Map(
    body
      .toString("utf8")
      .split("\0")
      .filter((field) => field.length > 0)
      .map((field) => [field.charAt(0), field.slice(1)]),
  );
  return { sqlState: fields.get("C") ?? "", text: fields.get("M") ?? "unknown error" };
}

/** Text columns of a DataRow. */
export function decodeRow(body: Buffer): (string | null)[] {
  const columns: (string | null)[] = [];
  let at = 2;
  for (let column = 0; column < body.readInt16BE(0); column += 1) {
    const length = body.readInt32BE(at);
    at += 4;
    columns.push(length < 0 ? null : body.toString("utf8", at, at + length));
    at += Math.max(length, 0);
  }
  return columns;
}

/** Cuts a socket's bytes into messages; `next` gives null once the socket is closed. */
export function readMessages(socket: Socket): { next(): Promise<Message | null> } {
  const ready: Message[] = [];
  let pending = Buffer.alloc(0);
  let closed = false;
  let wake: (() => void) | null = null;

  socket.on("data", (chunk) => {
    pending = Buffer.concat([pending, typeof chunk === "string" ? Buffer.from(chunk) : chunk]);
    while (pending.length >= 5) {
      const length = pending.readInt32BE(1);
      if (length < 4 || length > MESSAGE_BYTES_MAX) {
        socket.destroy();
        return;
      }
      if (pending.length < length + 1) break;
      ready.push({ type: pending.toString("latin1", 0, 1), body: pending.subarray(5, length + 1) });
      pending = pending.subarray(length + 1);
    }
    wake?.();
  });
  socket.on("close", () => {
    closed = true;
    wake?.();
  });

  return {
    next: async () => {
      while (ready.length === 0 && !closed) {
        await new Promise<void>((resolve) => {
          wake = resolve;
        });
      }
      return ready.shift() ?? null;
    },
  };
}
