import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { type Fleet, startFleet } from "./support/fleet.ts";

let fleet: Fleet | null = null;
afterEach(async (context) => {
  if (context.task.result?.state === "fail" && fleet !== null) process.stderr.write(`${fleet.dump()}\n`);
  await fleet?.close();
  fleet = null;
});

describe("a data directory", () => {
  it("serves one coordinator at a time: a second one ends with a code and does the first no harm", async () => {
    fleet = await startFleet();
    const second = fleet.startSecondCoordinator();
    expect(await second.ended).toBe(1);
    expect(second.output.join("\n")).toContain("data_dir_in_use");
    expect(await fleet.client.ready()).toMatchObject({ status: "ready" });
  });

  it("keeps its key, runs and database through a stop and a start", async () => {
    fleet = await startFleet();
    const key = await fleet.key();
    const created = await fleet.client.runs.create({ type: "start_session", executor: "test", prompt: "kept" });
    await fleet.stopCoordinator();
    await fleet.startCoordinator();
    expect(await fleet.key()).toBe(key);
    expect(await fleet.client.runs.get(created.run_id)).toMatchObject({ status: "pending", prompt: "kept" });
    await fleet.startRunner();
    expect(await fleet.client.runs.wait(created.run_id, { timeoutMs: 30_000 })).toMatchObject({
      result_text: "echo: kept",
    });
  });

  it("is never guessed: a key that is none is refused with a hint instead of being replaced", async () => {
    fleet = await startFleet();
    await fleet.stopCoordinator();
    const { writeFile } = await import("node:fs/promises");
    await writeFile(join(fleet.directory, "data", "admin.key"), "not a key");
    const broken = fleet.startSecondCoordinator();
    expect(await broken.ended).toBe(1);
    expect(broken.output.join("\n")).toContain("data_dir_unusable");
  });
});
