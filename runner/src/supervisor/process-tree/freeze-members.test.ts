import { describe, expect, it } from "vitest";
import { freezeMembers } from "./freeze-members.ts";
import type { ProcessInfo } from "./read-processes.ts";

/** Above the largest number Linux gives out, so that no signal of this test can reach anybody. */
const PID = 5_000_000;

function make(offset: number, state: string): ProcessInfo {
  const pid = PID + offset;
  return { pid, parent: 1, group: pid, session: pid, state, threads: 1, startTime: "1" };
}

/** Freezes against a tree that looks as scripted in each pass (the first look is before anything is stopped). */
async function freezeScripted(looks: ProcessInfo[][], freezeMs = 1_000) {
  let taken = 0;
  const last = looks.at(-1) ?? [];
  const listMembers = () => looks[taken++] ?? last;
  let now = 0;
  const monotonic = () => (now += 1);
  const body = { listMembers, stopAtOnce: () => Promise.resolve() };
  const stoppedBefore = await freezeMembers({ body, freezeMs, monotonic, isEnding: () => false });
  return { taken, stoppedBefore };
}

describe("freezeMembers", () => {
  it("does not trust one quiet pass: a child may have been born behind its back", async () => {
    const parent = make(1, "T");
    const looks = [[make(1, "S")], [parent], [parent, make(2, "R")], [parent, make(2, "T")]];
    expect((await freezeScripted(looks)).taken).toBe(5);
  });

  it("takes another pass when the processes changed, stopped or not", async () => {
    const looks = [[make(1, "S")], [make(1, "T")], [make(1, "T"), make(2, "T")]];
    expect((await freezeScripted(looks)).taken).toBe(4);
  });

  it("remembers what was stopped before it came", async () => {
    const { stoppedBefore } = await freezeScripted([
      [make(1, "S"), make(2, "T")],
      [make(1, "T"), make(2, "T")],
    ]);
    expect([...stoppedBefore]).toEqual([`${PID + 2}@1`]);
  });

  it("gives up in the end, naming what does not stop", async () => {
    await expect(freezeScripted([[make(1, "R")]], 20)).rejects.toMatchObject({
      code: "internal",
      details: { running: [PID + 1] },
    });
  });
});
