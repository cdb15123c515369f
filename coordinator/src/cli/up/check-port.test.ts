import type { AddressInfo } from "node:net";
import { createServer } from "node:net";
import { json, serveScript } from "@parallax/shared/sdk/testing/serve-script";
import { expect, test } from "vitest";
import { claimPort, reachableUrl } from "./check-port.ts";

test("0 is a free port", async () => {
  expect(await claimPort("127.0.0.1", 0)).toBeGreaterThan(1023);
});

test("a port with another program on it is refused with that program's process", async () => {
  const server = createServer();
  await new Promise<void>((listening) => server.listen(0, "127.0.0.1", listening));
  const { port } = server.address() as AddressInfo;
  server.on("connection", (socket) => socket.destroy());
  await expect(claimPort("127.0.0.1", port)).rejects.toMatchObject({
    code: "config_invalid",
    message: expect.stringMatching(
      new RegExp(`^process ${process.pid} \\(.+\\) already listens on 127.0.0.1:${port}$`),
    ),
    hint: expect.stringContaining("--port 8766 --data-dir .parallax-2"),
  });
  await new Promise((closed) => server.close(closed));
});

test("a port with a coordinator on it is refused with its address", async () => {
  await using server = await serveScript(json({ status: "healthy" }));
  const port = Number(new URL(server.url).port);
  await expect(claimPort("127.0.0.1", port)).rejects.toMatchObject({
    message: `a coordinator of Parallax already answers at ${server.url}`,
    hint: expect.stringContaining(`--url ${server.url}`),
  });
});

test("an address that is not this machine's is refused", async () => {
  await expect(claimPort("203.0.113.1", 0)).rejects.toMatchObject({ hint: expect.stringContaining("--host") });
});

test.each([
  ["0.0.0.0", "http://127.0.0.1:1"],
  ["::", "http://[::1]:1"],
  ["::1", "http://[::1]:1"],
  ["10.0.0.1", "http://10.0.0.1:1"],
])("what listens on %s is reached at %s", (host, url) => {
  expect(reachableUrl(host, 1)).toBe(url);
});
