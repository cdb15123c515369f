import type { Socket } from "node:net";
import { connectTo, lockAddress } from "../alive-lock/hold-lock.ts";
import { isObject } from "../http/classify-answer.ts";
import type { AttemptFiles } from "./attempt-files.ts";
import type { AttemptSpec } from "./attempt-spec.ts";
import type { ControlCommand, SupervisorStatus } from "./control-protocol.ts";

/** A connection to a living supervisor. */
export interface ControlLink {
  send(command: ControlCommand): void;
  /** Resolves when the connection ends, which is when the supervisor ends. */
  readonly ended: Promise<void>;
  close(): void;
}

const STATUS_CHARACTERS_MAX = 65_536;

export function controlAddress(spec: AttemptSpec, files: AttemptFiles): string {
  return lockAddress(spec.controlName, files.controlSocket);
}

/** Null when no supervisor of this attempt lives. */
export async function connectControl(
  spec: AttemptSpec,
  files: AttemptFiles,
  onStatus: (status: SupervisorStatus) => void,
): Promise<ControlLink | null> {
  const socket = await connectTo(controlAddress(spec, files));
  if (socket === null) return null;
  socket.on("error", () => undefined);
  const ended = new Promise<void>((resolve) => socket.once("close", () => resolve()));
  readStatuses(socket, onStatus);
  socket.write(`${spec.controlSecret}\n`);
  return {
    send: (command) => socket.write(`${JSON.stringify(command)}\n`),
    ended,
    close: () => socket.destroy(),
  };
}

function readStatuses(socket: Socket, onStatus: (status: SupervisorStatus) => void): void {
  let held = "";
  socket.setEncoding("utf8");
  socket.on("data", (text: string) => {
    held += text;
    const lines = held.split("\n");
    held = lines.pop() ?? "";
    if (held.length > STATUS_CHARACTERS_MAX) return void socket.destroy();
    for (const line of lines) {
      const status = readStatus(line);
      if (status !== null) onStatus(status);
    }
  });
}

function readStatus(line: string): SupervisorStatus | null {
  try {
    const value: unknown = JSON.parse(line);
    return isObject(value) && typeof value["phase"] === "string" ? (value as unknown as SupervisorStatus) : null;
  } catch {
    return null;
  }
}
