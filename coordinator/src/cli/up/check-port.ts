/** Whether we could listen there; when not, who does and what to do about it. */

import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { ParallaxError } from "@parallax/shared/errors";
import { createClient } from "@parallax/shared/sdk/client";
import { toOneLine } from "../terminal/strip-controls.ts";
import type { LeftRunning } from "./address-file.ts";
import { findListener } from "./find-listener.ts";

/** Returns the port, a free one for 0. `left` is what runs on our data directory, if anything. Throws `config_invalid` when it cannot be had. */
export async function claimPort(host: string, port: number, left: LeftRunning | null = null): Promise<number> {
  const { promise, resolve, reject } = Promise.withResolvers<number>();
  const server = createServer();
  server.once("error", reject);
  server.listen({ host, port, exclusive: true }, () => {
    const taken = (server.address() as AddressInfo).port;
    server.close(() => resolve(taken));
  });
  return promise.catch(async (error: NodeJS.ErrnoException) => {
    throw await explain(error, host, port, left);
  });
}

const OTHER_PORT = "take another port and data directory, e.g. scripts/up --port 8766 --data-dir .parallax-2";

async function explain(
  error: NodeJS.ErrnoException,
  host: string,
  port: number,
  left: LeftRunning | null,
): Promise<ParallaxError> {
  const place = `${host}:${port}`;
  if (error.code === "EACCES") {
    return new ParallaxError("config_invalid", `this user may not listen on ${place}`, {
      hint: "Take a port above 1023 with --port.",
    });
  }
  if (error.code !== "EADDRINUSE") {
    return new ParallaxError("config_invalid", `cannot listen on ${place}: ${error.message}`, {
      hint: "Name an address of this machine with --host.",
    });
  }
  const url = reachableUrl(host, port);
  const listener = await findListener(port);
  if (await isCoordinator(url)) {
    const isOurs = left !== null && (listener === null || left.coordinatorPid === listener.pid);
    const command = isOurs ? left.stopCommand : listener === null ? null : `kill ${listener.pid}`;
    const stop = command === null ? "stop it," : `stop it (${command}),`;
    return new ParallaxError("config_invalid", `a coordinator of Parallax already answers at ${url}`, {
      hint: `Use it (parallax runs --url ${url}), ${stop} or ${OTHER_PORT}.`,
    });
  }
  const who = listener === null ? "another program" : `process ${listener.pid} (${toOneLine(listener.command)})`;
  return new ParallaxError("config_invalid", `${who} already listens on ${place}`, {
    hint: `End it, or ${OTHER_PORT}.`,
  });
}

async function isCoordinator(url: string): Promise<boolean> {
  try {
    const client = createClient({ baseUrl: url, requestTimeoutMs: 2_000, repeatsMax: 0 });
    return typeof (await client.health()).status === "string";
  } catch {
    return false;
  }
}

/** The address by which this machine itself reaches what listens on `host`. */
export function reachableUrl(host: string, port: number): string {
  const near = host === "0.0.0.0" || host === "" ? "127.0.0.1" : host === "::" ? "::1" : host;
  return `http://${near.includes(":") ? `[${near}]` : near}:${port}`;
}
