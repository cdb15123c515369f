import { once } from "node:events";
import { createServer, type Server, type Socket } from "node:net";
import { afterEach, expect, test } from "vitest";
import { type ConnectOutcome, connectWire } from "./connect.ts";
import { encodeMessage } from "./messages.ts";

const servers: Server[] = [];

afterEach(async () => {
  for (const server of servers.splice(0)) {
    server.close();
    await once(server, "close");
  }
});

/** Connects to a server that behaves as told from the first bytes on. */
async function connectTo(behave: (socket: Socket, received: Buffer, turn: number) => void): Promise<ConnectOutcome> {
  const server = createServer((socket) => {
    let turn = 0;
    socket.on("error", () => undefined);
    socket.on("data", (received) => {
      behave(socket, received, turn);
      turn += 1;
    });
  });
  servers.push(server.listen(0, "127.0.0.1"));
  await once(server, "listening");
  const address = server.address();
  const port = typeof address === "object" && address !== null ? address.port : 0;
  return await connectWire({ port, user: "u", password: "secret", database: "d", timeoutMs: 300 });
}

const authentication = (step: number, rest: Buffer | string = ""): Buffer => {
  const head = Buffer.alloc(4);
  head.writeInt32BE(step);
  return encodeMessage("R", Buffer.concat([head, Buffer.from(rest)]));
};
const error = (sqlState: string): Buffer => encodeMessage("E", Buffer.from(`SFATAL\0C${sqlState}\0Msome words\0\0`));
const ready = encodeMessage("Z", Buffer.from("I"));

test("a server that asks for no password is refused, for it proves nothing", async () => {
  const outcome = await connectTo((socket) => socket.write(Buffer.concat([authentication(0), ready])));
  expect(outcome).toMatchObject({ kind: "refused", reason: expect.stringContaining("no password") });
});

test("a server that cannot prove that it knows the password is refused", async () => {
  const outcome = await connectTo((socket, received, turn) => {
    if (turn === 0) socket.write(authentication(10, "SCRAM-SHA-256\0\0"));
    const nonce = /r=([^,\s]+)/.exec(received.toString("latin1"))?.[1];
    if (turn === 1) socket.write(authentication(11, `r=${nonce}more,s=c2FsdA==,i=4096`));
    if (turn === 2) socket.write(Buffer.concat([authentication(12, "v=Zm9yZ2Vk"), authentication(0), ready]));
  });
  expect(outcome).toMatchObject({ kind: "refused", reason: expect.stringContaining("does not know") });
});

test("a server that asks for the password in the clear does not get it", async () => {
  const seen: string[] = [];
  const outcome = await connectTo((socket, received) => {
    seen.push(received.toString("latin1"));
    socket.write(authentication(3));
  });
  expect(outcome.kind).toBe("refused");
  expect(seen.join("")).not.toContain("secret");
});

test("a server that replays another conversation's salt is refused", async () => {
  const outcome = await connectTo((socket, _received, turn) => {
    socket.write(
      turn === 0 ? authentication(10, "SCRAM-SHA-256\0\0") : authentication(11, "r=other,s=c2FsdA==,i=4096"),
    );
  });
  expect(outcome.kind).toBe("refused");
});

test("a server that starts or is full is told apart from one that refuses", async () => {
  expect(await connectTo((socket) => socket.end(error("57P03")))).toEqual({ kind: "starting" });
  expect(await connectTo((socket) => socket.end(error("53300")))).toEqual({ kind: "starting" });
  expect(await connectTo((socket) => socket.end(error("28P01")))).toEqual({ kind: "refused", reason: "some words" });
});

test("a server that hangs up, says nothing or speaks another protocol is unreachable", async () => {
  expect(await connectTo((socket) => socket.destroy())).toEqual({ kind: "unreachable" });
  expect(await connectTo(() => undefined)).toEqual({ kind: "unreachable" });
  expect(await connectTo((socket) => socket.write("HTTP/1.1 400 Bad Request\r\n\r\n"))).toEqual({
    kind: "unreachable",
  });
});
