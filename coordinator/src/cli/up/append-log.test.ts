import { mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { openLog } from "./append-log.ts";

test("a full log makes room and keeps one predecessor, also over a restart", () => {
  const dir = mkdtempSync(join(tmpdir(), "parallax-log-"));
  const file = join(dir, "logs", "a.log");
  openLog(file, 10)("12345");
  const append = openLog(file, 10);
  append("67890");
  append("abc");
  expect(readFileSync(`${file}.1`, "utf8")).toBe("12345\n");
  expect(readFileSync(file, "utf8")).toBe("67890\nabc\n");
  rmSync(dir, { recursive: true });
});
