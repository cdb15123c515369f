import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtemp, readFile, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { fileURLToPath } from "node:url";
import { expect, onTestFinished, test } from "vitest";

const MAIN = fileURLToPath(new URL("./main.ts", import.meta.url));

test("as a process of its own it says where it listens, logs each request twice and ends on TERM", async () => {
  const directory = await mkdtemp(join(tmpdir(), "model-server-"));
  onTestFinished(() => rm(directory, { recursive: true }));
  const logFile = join(directory, "requests.ndjson");
  const child = spawn(process.execPath, [MAIN, "--log-file", logFile], { stdio: ["ignore", "pipe", "inherit"] });
  onTestFinished(() => void child.kill("SIGKILL"));
  const exited = once(child, "exit");
  const [line] = (await once(createInterface({ input: child.stdout }), "line")) as [string];
  const { url } = JSON.parse(line) as { url: string };

  const reply = await fetch(`${url}/v1/messages`, {
    method: "POST",
    body: JSON.stringify({ messages: [{ role: "user", content: '```script {"steps":[[{"say":"hi"}]]} ```' }] }),
  });
  expect(await reply.json()).toMatchObject({ content: [{ text: "hi" }] });
  child.kill("SIGTERM");
  expect(await exited).toEqual([0, null]);
  const logged = (await readFile(logFile, "utf8")).trim().split("\n");
  expect(logged.map((entry) => JSON.parse(entry) as unknown)).toMatchObject([
    { event: "request", number: 1, method: "POST" },
    { event: "end", number: 1, status: 200, clientAborted: false },
  ]);
});
