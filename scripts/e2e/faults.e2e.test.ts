import { access, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./support/fleet.ts";

let fleet: Fleet | null = null;
afterEach(async (context) => {
  if (context.task.result?.state === "fail" && fleet !== null) process.stderr.write(`${fleet.dump()}\n`);
  await fleet?.close();
  fleet = null;
});

/** A parent with two children, the second with a child of its own; every agent writes what it does to a ledger and waits for a gate. */
function treeScript(directory: string): string {
  const ledger = join(directory, "ledger");
  const work = (name: string, gate: string) => [
    { append: { file: ledger, line: `${name} began` } },
    { touch: join(directory, `${name}.began`) },
    { wait_for_file: join(directory, gate) },
    { append: { file: ledger, line: `${name} ended` } },
    { say: `${name} is done` },
  ];
  const leaf = { steps: work("leaf", "gate") };
  return JSON.stringify({
    steps: [
      { start: { name: "one", prompt: { steps: work("one", "gate") } } },
      {
        start: {
          name: "two",
          prompt: {
            steps: [{ start: { name: "leaf", prompt: leaf } }, { say: "two waits" }],
            default_resume: [{ say: "two heard: ${prompt}" }],
          },
        },
      },
      { say: "started" },
    ],
    default_resume: [{ say: "heard: ${prompt}" }],
  });
}

async function seen(file: string): Promise<void> {
  await expect
    .poll(
      async () =>
        await access(file).then(
          () => true,
          () => false,
        ),
      { timeout: 30_000, interval: 50 },
    )
    .toBe(true);
}

/** Everything finished, once: each line of the ledger stands there exactly once, each report reached its parent exactly once. */
async function expectFinishedOnce(running: Fleet, sessionId: string): Promise<void> {
  await running.client.sessions.waitUntilSettled(sessionId, { timeoutMs: 90_000 });
  const ledger = (await readFile(join(running.directory, "ledger"), "utf8")).trim().split("\n").sort();
  expect(ledger).toEqual(["leaf began", "leaf ended", "one began", "one ended"]);
  const tree = await running.client.sessions.tree(sessionId);
  expect(
    tree.sessions.flatMap((node) => node.runs.map((run) => run.status)).every((status) => status === "completed"),
  ).toBe(true);
  expect(tree.sessions.every((node) => node.open_wake_ups === 0 && node.settled)).toBe(true);
  const heard = tree.sessions[0]?.runs.map((run) => run.result_text ?? "").join("\n") ?? "";
  expect(heard.match(/one is done/g)).toHaveLength(1);
  expect(heard.match(/two heard/g)).toHaveLength(1);
  expect(heard.match(/leaf is done/g)).toHaveLength(1);
  expect(heard).not.toContain("two waits");
}

async function startTree(): Promise<{ running: Fleet; sessionId: string; open: () => Promise<void> }> {
  const running = await startFleet();
  fleet = running;
  await running.startRunner("a");
  const created = await running.client.runs.create({
    type: "start_session",
    executor: "test",
    prompt: treeScript(running.directory),
  });
  await Promise.all([seen(join(running.directory, "one.began")), seen(join(running.directory, "leaf.began"))]);
  return {
    running,
    sessionId: created.session_id,
    open: async () => await writeFile(join(running.directory, "gate"), ""),
  };
}

describe("a tree in whose middle something is killed with kill -9", () => {
  it("finishes, nothing twice, when the runner is killed and started again", async () => {
    const { running, sessionId, open } = await startTree();
    const attemptsBefore = await attempts(running, sessionId);
    await running.killRunner("a");
    await running.startRunner("a");
    await open();
    await expectFinishedOnce(running, sessionId);
    // the supervisors went on and were adopted: no run needed a second attempt
    expect(await attempts(running, sessionId)).toEqual(expect.arrayContaining(attemptsBefore));
    expect((await attempts(running, sessionId)).every((attempt) => attempt === 1)).toBe(true);
  });

  it("finishes, nothing twice, when the coordinator is killed and started again", async () => {
    const { running, sessionId, open } = await startTree();
    await running.crashCoordinator();
    await open();
    await expectFinishedOnce(running, sessionId);
    expect((await attempts(running, sessionId)).every((attempt) => attempt === 1)).toBe(true);
  });

  it("finishes, nothing twice, when the coordinator is away while agents end", async () => {
    const { running, sessionId, open } = await startTree();
    await running.coordinator.stop("SIGKILL");
    await open();
    await expect
      .poll(async () => (await readFile(join(running.directory, "ledger"), "utf8")).includes("leaf ended"), {
        timeout: 20_000,
      })
      .toBe(true);
    await running.startCoordinator();
    await expectFinishedOnce(running, sessionId);
    expect((await attempts(running, sessionId)).every((attempt) => attempt === 1)).toBe(true);
  });

  it("finishes, nothing twice, when Postgres is killed", async () => {
    const { running, sessionId, open } = await startTree();
    await running.killPostgres();
    await open();
    await expectFinishedOnce(running, sessionId);
    expect((await attempts(running, sessionId)).every((attempt) => attempt === 1)).toBe(true);
  });

  it("gives a run whose supervisor was killed to a second attempt and leaves none of its processes", async () => {
    const running = await startFleet();
    fleet = running;
    await running.startRunner("a");
    const file = (name: string) => join(running.directory, name);
    const prompt = JSON.stringify({
      steps: [
        { append: { file: file("ledger"), line: "attempt ${attempt}" } },
        { touch: file("began") },
        { wait_for_file: file("gate") },
        { say: "attempt ${attempt} is done" },
      ],
    });
    const created = await running.client.runs.create({ type: "start_session", executor: "test", prompt });
    await seen(file("began"));
    const killed = performance.now();
    await running.killSupervisors();
    await expect
      .poll(async () => (await running.client.runs.get(created.run_id)).attempt, { timeout: 20_000, interval: 50 })
      .toBe(2);
    // noticed by the runner at once, not by the lease
    expect(performance.now() - killed).toBeLessThan(10_000);
    await writeFile(file("gate"), "");
    const run = await running.client.runs.wait(created.run_id, { timeoutMs: 30_000 });
    expect(run).toMatchObject({ status: "completed", attempt: 2, deliveries: 2, result_text: "attempt 2 is done" });
  });
});

async function attempts(running: Fleet, sessionId: string): Promise<number[]> {
  return (await running.client.sessions.tree(sessionId)).sessions.flatMap((node) =>
    node.runs.map((run) => run.attempt),
  );
}
