import { accessSync, constants, existsSync, mkdirSync, rmdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterEach, describe, expect, it } from "vitest";
import { endAllFixtures, runCommand, runFixture, TREE_KINDS, waitUntil } from "./testing/run-fixture.ts";

afterEach(endAllFixtures);

const LIMIT_BYTES = 24 * 1_048_576;
const place = findMemoryCgroups();

function findMemoryCgroups(): { folder: string; limitFile: string } | null {
  const version1 = { folder: "/sys/fs/cgroup/memory", limitFile: "memory.limit_in_bytes" };
  const version2 = { folder: "/sys/fs/cgroup", limitFile: "memory.max" };
  for (const candidate of [version1, version2]) {
    try {
      accessSync(candidate.folder, constants.W_OK);
      const folder = join(candidate.folder, `parallax-test-probe-${process.pid}`);
      mkdirSync(folder);
      const usable = existsSync(join(folder, candidate.limitFile));
      rmdirSync(folder);
      if (usable) return candidate;
    } catch {
      // Not ours to write, or not mounted.
    }
  }
  return null;
}

describe.each(TREE_KINDS)("an agent in a %s", (kind) => {
  // Which process the kernel picks when the machine itself is short of time is not ours to say: hence another try.
  it.skipIf(place === null)("that the kernel ended for lack of memory is reported so", { retry: 2 }, async () => {
    const folder = join(place?.folder ?? "", `parallax-test-${process.pid}-${kind}`);
    mkdirSync(folder);
    try {
      writeFileSync(join(folder, place?.limitFile ?? ""), String(LIMIT_BYTES));
      const { tree } = await runFixture(kind, "exhaust-memory.sh", [folder]);
      expect(await tree.exited).toMatchObject({ exitCode: null, signal: "SIGKILL", oomKilled: true });
    } finally {
      await waitUntil("the cgroup is empty", () => {
        try {
          rmdirSync(folder);
          return true;
        } catch {
          return false;
        }
      });
    }
  });

  it("that was killed otherwise is not", async () => {
    const { tree } = await runCommand(kind, ["sleep", "1000"]);
    await tree.kill();
    const exit = await tree.exited;
    expect(exit.signal).toBe("SIGKILL");
    expect(exit).not.toHaveProperty("oomKilled");
  });
});
