import { describe, expect, it } from "vitest";
import { collectDescendants } from "./collect-descendants.ts";
import { isAlive, listProcesses, parsePs, parseStat, readProcess } from "./read-processes.ts";

const REST = "1 2 3 0 -1 4194560 1 0 0 0 0 0 0 0 20 0 7 0 12345 8962048 1 18446744073709551615";

describe("reading processes", () => {
  it("is not misled by a command name made to look like fields", () => {
    for (const name of ["sh", "a b", ") S 99 99 99 (", "x)\nS 1"]) {
      expect(parseStat(7, `7 (${name}) T ${REST}`)).toEqual({
        pid: 7,
        parent: 1,
        group: 2,
        session: 3,
        state: "T",
        threads: 7,
        startTime: "12345",
      });
    }
    expect(parseStat(7, "")).toBeNull();
  });

  it("counts a zombie as alive only while other threads of it go on", () => {
    const zombie = { pid: 1, parent: 0, group: 1, session: 1, state: "Z", threads: 1, startTime: "1" };
    expect(isAlive(zombie)).toBe(false);
    expect(isAlive({ ...zombie, threads: 2 })).toBe(true);
    expect(isAlive({ ...zombie, state: "S" })).toBe(true);
  });

  it("finds this process, in this system's way and in that of ps", () => {
    expect(listProcesses().map((info) => info.pid)).toContain(process.pid);
    expect(readProcess(process.pid)?.parent).toBe(process.ppid);
    const line = `  ${process.pid}     1  ${process.pid} Ss+  Mon Jan  5 10:11:12 2026`;
    expect(parsePs(`${line}\n\n`)).toEqual([
      {
        pid: process.pid,
        parent: 1,
        group: process.pid,
        session: process.pid,
        state: "S",
        threads: 1,
        startTime: "Mon Jan 5 10:11:12 2026",
      },
    ]);
  });

  it("collects a tree whole, whatever the order, and ends on a cycle", () => {
    const make = (pid: number, parent: number) => ({
      ...{ pid, parent, group: pid, session: pid, state: "S", threads: 1, startTime: "1" },
    });
    const all = [make(5, 4), make(4, 3), make(3, 1), make(9, 1), make(7, 8), make(8, 7)];
    const pids = (root: number) => collectDescendants(all, (info) => info.pid === root).map((info) => info.pid);
    expect(pids(3).sort()).toEqual([3, 4, 5]);
    expect(pids(7).sort()).toEqual([7, 8]);
    expect(pids(1)).toEqual([]);
  });
});
