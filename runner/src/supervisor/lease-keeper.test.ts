import { describe, expect, test } from "vitest";
import { LeaseKeeper, type Moment } from "./lease-keeper.ts";

const START = 1_000_000;
const FREEZE_MS = 60_000;
const KILL_MS = 900_000;

/** A moment `monotonicMs` after the start; the wall clock agrees unless it is told otherwise. */
const at = (monotonicMs: number, wallMs = monotonicMs): Moment => ({ monotonicMs, wallMs: START + wallMs });
const keeper = (): LeaseKeeper => new LeaseKeeper(at(0), FREEZE_MS, KILL_MS);

describe("LeaseKeeper", () => {
  test("trusts the lease until the time after the send of the last renewal, not after its answer", () => {
    const lease = keeper();
    lease.renewed(at(10_000), FREEZE_MS);
    expect(lease.judge(at(69_999))).toBe("run");
    expect(lease.judge(at(70_000))).toBe("freeze");
  });

  test("does not thaw for an answer to a renewal that was sent too long ago", () => {
    const lease = keeper();
    expect(lease.judge(at(60_000))).toBe("freeze");
    lease.renewed(at(5_000), FREEZE_MS);
    expect(lease.judge(at(65_000))).toBe("freeze");
    lease.renewed(at(65_000), FREEZE_MS);
    expect(lease.judge(at(65_100))).toBe("run");
  });

  test("ignores an answer that was overtaken by a newer one", () => {
    const lease = keeper();
    lease.renewed(at(40_000), FREEZE_MS);
    lease.renewed(at(20_000), FREEZE_MS);
    expect(lease.judge(at(99_999))).toBe("run");
  });

  test("sees a suspend, during which only the wall clock went on", () => {
    expect(keeper().judge(at(1_000, 3_600_000))).toBe("freeze");
  });

  test("is not made longer by a wall clock that is set back", () => {
    expect(keeper().judge(at(60_000, -3_600_000))).toBe("freeze");
  });

  test("lets whoever was suspended for hours ask before it kills", () => {
    const lease = keeper();
    expect(lease.judge(at(1_000, 7_200_000))).toBe("freeze");
    expect(lease.judge(at(2_000, 7_201_000))).toBe("freeze");
    lease.renewed(at(2_000, 7_201_000), FREEZE_MS);
    expect(lease.judge(at(2_100, 7_201_100))).toBe("run");
  });

  test("kills what was frozen for too long, and counts anew after a thaw", () => {
    const lease = keeper();
    expect(lease.judge(at(60_000))).toBe("freeze");
    expect(lease.judge(at(60_000 + KILL_MS - 1))).toBe("freeze");
    lease.renewed(at(60_000 + KILL_MS - 1), FREEZE_MS);
    expect(lease.judge(at(60_000 + KILL_MS))).toBe("run");
    const frozenAgainMs = 60_000 + KILL_MS - 1 + FREEZE_MS;
    expect(lease.judge(at(frozenAgainMs))).toBe("freeze");
    expect(lease.judge(at(frozenAgainMs + KILL_MS - 1))).toBe("freeze");
    expect(lease.judge(at(frozenAgainMs + KILL_MS))).toBe("kill");
  });

  test("takes the freeze time of the newest answer", () => {
    const lease = keeper();
    lease.renewed(at(1_000), 5_000);
    expect(lease.judge(at(6_000))).toBe("freeze");
  });
});
