import { afterEach, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./support/fleet.ts";

let fleet: Fleet | null = null;
afterEach(async (context) => {
  if (context.task.result?.state === "fail" && fleet !== null) process.stderr.write(`${fleet.dump()}\n`);
  await fleet?.close();
  fleet = null;
});

const script = (value: unknown) => JSON.stringify(value);

const three = script({
  steps: ["a", "b", "c"].map((name) => ({
    start: { name, prompt: { steps: [{ wait_ms: 200 }, { say: `${name} is done` }] } },
  })),
  default_resume: [{ say: "heard: ${prompt}" }],
});

describe("the whole path", () => {
  it("runs a parent that starts three children over HTTP and is resumed with all of their results", async () => {
    fleet = await startFleet();
    await fleet.startRunner();
    const { client } = fleet;
    const created = await client.runs.create({ type: "start_session", executor: "test", prompt: three });
    await client.sessions.waitUntilSettled(created.session_id, { timeoutMs: 60_000 });
    const tree = await client.sessions.tree(created.session_id);
    expect(tree.sessions).toHaveLength(4);
    const [parent, ...children] = tree.sessions;
    expect(children.map((child) => child.status)).toEqual(["idle", "idle", "idle"]);
    const texts = parent?.runs.map((run) => run.result_text).join("\n") ?? "";
    for (const name of ["a", "b", "c"]) expect(texts.match(new RegExp(`${name} is done`, "g"))).toHaveLength(1);
    expect(tree.sessions.every((node) => node.open_wake_ups === 0)).toBe(true);
    expect(tree.sessions.flatMap((node) => node.runs).every((run) => run.attempt === 1)).toBe(true);
  });
});
