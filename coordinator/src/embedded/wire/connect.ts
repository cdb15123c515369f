import type { Socket } from "node:net";
import { connect as connectSocket } from "node:net";
import { ParallaxError } from "@parallax/shared/errors";
import type { Message } from "./messages.ts";
import { decodeError, decodeRow, encodeMessage, encodeStartup, readMessages } from "./messages.ts";
import type { ScramFinal } from "./scram.ts";
import { beginScram } from "./scram.ts";

/**
 * A connection to Postgres of this folder's own, without a driver: it proves that a server is ours (SCRAM proves the
 * password to both sides), and because a server that loses any process drops its connections, its end is the alarm.
 */
export interface WireConnection {
  /** Runs one statement and gives its rows as text. */
  query(sql: string): Promise<(string | null)[][]>;
  /** Resolves when the connection is gone, whoever ended it. */
  readonly closed: Promise<void>;
  close(): void;
}

export type ConnectOutcome =
  | { readonly kind: "connected"; readonly connection: WireConnection }
  /** Nothing answers there, or it hung up. */
  | { readonly kind: "unreachable" }
  /** A server answers but cannot take us now: starting, recovering, shutting down. */
  | { readonly kind: "starting" }
  /** A server answers and refuses us for good. */
  | { readonly kind: "refused"; readonly reason: string };

export interface ConnectOptions {
  readonly port: number;
  readonly user: string;
  readonly password: string;
  readonly database: string;
  readonly timeoutMs?: number;
}

const CANNOT_CONNECT_NOW = "57P03";
const TOO_MANY_CONNECTIONS = "53300";
const CONNECT_TIMEOUT_MS = 5_000;

type Reader = ReturnType<typeof readMessages>;

/** Connects to 127.0.0.1; never rejects, the outcome says what happened. */
export async function connectWire(options: ConnectOptions): Promise<ConnectOutcome> {
  const socket = connectSocket({ host: "127.0.0.1", port: options.port, noDelay: true });
  const closed = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  // Without a listener an error would end the process; `close` always follows and carries the news.
  socket.on("error", () => undefined);
  socket.setTimeout(options.timeoutMs ?? CONNECT_TIMEOUT_MS, () => socket.destroy());
  socket.write(encodeStartup({ user: options.user, database: options.database, application_name: "parallax-watch" }));
  const reader = readMessages(socket);
  const outcome = await authenticate(socket, reader, options.password);
  if (outcome !== null) {
    socket.destroy();
    return outcome;
  }
  socket.setTimeout(0);
  return { kind: "connected", connection: openConnection(socket, reader, closed) };
}

/** Null when the server is ready for statements. */
async function authenticate(socket: Socket, reader: Reader, password: string): Promise<ConnectOutcome | null> {
  const scram = beginScram(password);
  let final: ScramFinal | null = null;
  let proven = false;
  for (;;) {
    const message = await reader.next();
    if (message === null) return { kind: "unreachable" };
    if (message.type === "E") return refusal(message);
    if (message.type === "Z") return proven ? null : { kind: "refused", reason: "the server asked for no password" };
    if (message.type !== "R") continue;
    const step = message.body.readInt32BE(0);
    const text = message.body.toString("utf8", 4);
    if (step === 10) {
      const first = Buffer.from(scram.firstMessage);
      const length = Buffer.alloc(4);
      length.writeInt32BE(first.length);
      socket.write(encodeMessage("p", Buffer.concat([Buffer.from("SCRAM-SHA-256\0"), length, first])));
    } else if (step === 11) {
      final = scram.answer(text);
      if (final === null) return { kind: "refused", reason: "the server's SCRAM message is not understood" };
      socket.write(encodeMessage("p", Buffer.from(final.message)));
    } else if (step === 12) {
      proven = final?.verify(text) ?? false;
      if (!proven) return { kind: "refused", reason: "the server does not know this cluster's password" };
    } else if (step !== 0) {
      return { kind: "refused", reason: `the server asks for authentication method ${step}` };
    }
  }
}

function refusal(message: Message): ConnectOutcome {
  const { sqlState, text } = decodeError(message.body);
  if (sqlState === CANNOT_CONNECT_NOW || sqlState === TOO_MANY_CONNECTIONS) return { kind: "starting" };
  return { kind: "refused", reason: text };
}

function openConnection(socket: Socket, reader: Reader, closed: Promise<void>): WireConnection {
  let queue: Promise<unknown> = Promise.resolve();
  const run = async (sql: string): Promise<(string | null)[][]> => {
    socket.write(encodeMessage("Q", Buffer.from(`${sql}\0`)));
    const rows: (string | null)[][] = [];
    let failure: ParallaxError | null = null;
    for (;;) {
      const message = await reader.next();
      if (message === null) throw new ParallaxError("store_unavailable", "the embedded Postgres hung up");
      if (message.type === "D") rows.push(decodeRow(message.body));
      if (message.type === "E") {
        const { sqlState, text } = decodeError(message.body);
        failure = new ParallaxError("internal", `statement failed: ${text}`, { details: { sqlState } });
      }
      if (message.type !== "Z") continue;
      if (failure !== null) throw failure;
      return rows;
    }
  };
  return {
    query: (sql) => {
      const answer = queue.then(() => run(sql));
      queue = answer.catch(() => undefined);
      return answer;
    },
    closed,
    close: () => {
      socket.end(encodeMessage("X", Buffer.alloc(0)));
      // A server that does not hang up in turn must not hold the socket open.
      socket.setTimeout(1_000, () => socket.destroy());
    },
  };
}
