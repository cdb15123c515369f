import { readFile } from "node:fs/promises";
import { createServer } from "node:net";
import { ParallaxError } from "@parallax/shared/errors";

/** The remembered port if it is free, else the hint, else any free one. Postgres itself has the last word on it. */
export async function choosePort(portFile: string, hint: number | undefined): Promise<number> {
  const remembered = Number(await readFile(portFile, "utf8").catch(() => ""));
  for (const candidate of [remembered, hint ?? 0]) {
    if (Number.isInteger(candidate) && candidate > 0 && candidate < 65_536 && (await bind(candidate)) !== null)
      return candidate;
  }
  const free = await bind(0);
  if (free !== null) return free;
  throw new ParallaxError("embedded_start_failed", "no port of 127.0.0.1 is free", {
    hint: "Too many sockets are open on this machine.",
  });
}

/** The port that could be bound for a moment, or null. */
async function bind(port: number): Promise<number | null> {
  return await new Promise((resolve) => {
    const server = createServer();
    server.once("error", () => resolve(null));
    server.listen({ host: "127.0.0.1", port, exclusive: true }, () => {
      const address = server.address();
      server.close(() => resolve(typeof address === "object" && address !== null ? address.port : null));
    });
  });
}
