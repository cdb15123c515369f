/**
 * The supervisor's lock and its control socket are one thing: who can connect knows that it lives, the end of the
 * connection says at once that it died. A client first sends the secret of the attempt's spec, one line.
 */
import { timingSafeEqual } from "node:crypto";
import type { Socket } from "node:net";
import type { ControlCommand, SupervisorStatus } from "../attempts/control-protocol.ts";

export interface ControlSocket {
  /** Given to the lock as what serves its connections. */
  accept(socket: Socket): void;
  publish(change: Partial<SupervisorStatus>): void;
}

const LINE_CHARACTERS_MAX = 4096;
const CLIENTS_MAX = 16;
const SECRET_WITHIN_MS = 5_000;

export function serveControl(secret: string, onCommand: (command: ControlCommand) => void): ControlSocket {
  let status: SupervisorStatus = { pid: process.pid, phase: "hello", tree: "none", lease: null, leftBecause: null };
  const open = new Set<Socket>();
  const trusted = new Set<Socket>();

  const onLine = (socket: Socket, line: string): void => {
    if (!trusted.has(socket)) {
      if (!sameText(line, secret)) return void socket.destroy();
      trusted.add(socket);
      socket.setTimeout(0);
      send(socket, status);
      return;
    }
    const command = readCommand(line);
    if (command !== null) onCommand(command);
  };

  const accept = (socket: Socket): void => {
    if (open.size >= CLIENTS_MAX) return void socket.destroy();
    open.add(socket);
    socket.setTimeout(SECRET_WITHIN_MS, () => socket.destroy());
    socket.on("error", () => undefined);
    socket.on("close", () => {
      open.delete(socket);
      trusted.delete(socket);
    });
    readLines(socket, (line) => onLine(socket, line));
  };

  return {
    accept,
    publish: (change) => {
      status = { ...status, ...change };
      for (const socket of trusted) send(socket, status);
    },
  };
}

function readLines(socket: Socket, onLine: (line: string) => void): void {
  let held = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    held += text;
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    if (held.length > LINE_CHARACTERS_MAX) return void socket.destroy();
    for (const line of lines) onLine(line);
  });
}

function send(socket: Socket, status: SupervisorStatus): void {
  socket.write(`${JSON.stringify(status)}\n`);
}

function readCommand(line: string): ControlCommand | null {
  try {
    const value = JSON.parse(line) as ControlCommand;
    return value.command === "stop" || value.command === "end_tree" ? value : null;
  } catch {
    return null;
  }
}

function sameText(given: string, expected: string): boolean {
  const [a, b] = [Buffer.from(given), Buffer.from(expected)];
  return a.length === b.length && timingSafeEqual(a, b);
}
