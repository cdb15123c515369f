/**
 * A lock that its holder keeps for life and that the kernel lets go when the holder dies, however it dies: a listening
 * unix socket. On Linux it is an abstract one, which leaves no file behind and cannot be unlinked by mistake.
 */
import { unlinkSync } from "node:fs";
import { connect, createServer, type Server, type Socket } from "node:net";

/** What to bind: abstract on Linux, elsewhere a file. */
export function lockAddress(name: string, filePath: string, platform: NodeJS.Platform = process.platform): string {
  return platform === "linux" ? `\0${name}` : filePath;
}

/**
 * Binds the address, or answers null when somebody alive holds it. Whoever connects is handed to `onConnection`, from the very first
 * one on: it may come before this has returned.
 */
export async function holdLock(
  address: string,
  onConnection: (socket: Socket) => void = (socket) => socket.destroy(),
): Promise<Server | null> {
  const server = await listen(address, onConnection);
  if (server !== null || address.startsWith("\0")) return server;
  // A file may be the leftover of a dead holder: only a live one accepts a connection.
  const peer = await connectTo(address);
  if (peer !== null) {
    peer.destroy();
    return null;
  }
  removeLeftover(address);
  return listen(address, onConnection);
}

/** Connects to the holder, or answers null when nobody alive holds the lock. */
export function connectTo(address: string): Promise<Socket | null> {
  return new Promise((resolve) => {
    const socket = connect({ path: address });
    socket.once("connect", () => resolve(socket));
    socket.once("error", () => resolve(null));
  });
}

export function releaseLock(server: Server): Promise<void> {
  return new Promise((resolve) => server.close(() => resolve()));
}

function listen(address: string, onConnection: (socket: Socket) => void): Promise<Server | null> {
  return new Promise((resolve, reject) => {
    const server = createServer(onConnection);
    server.once("error", (error: NodeJS.ErrnoException) =>
      error.code === "EADDRINUSE" ? resolve(null) : reject(error),
    );
    server.listen({ path: address }, () => resolve(server));
  });
}

function removeLeftover(path: string): void {
  try {
    unlinkSync(path);
  } catch {
    // Somebody was quicker; the bind that follows decides.
  }
}
