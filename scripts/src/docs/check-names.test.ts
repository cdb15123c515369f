import { expect, it } from "vitest";
import { checkNames, indexNames } from "./check-names.ts";

const KNOWN = indexNames(
  ['env["PARALLAX_PORT"]; run_terminal: { status: 409 }', '{ name: "data-dir" }'],
  ["leaseTtlMs"],
);
const check = (markdown: string): string[] => checkNames(markdown, KNOWN);

it("is content with variables, codes, flags and limits that exist", () => {
  expect(
    check("`PARALLAX_PORT=1` `run_terminal` `--data-dir D` `PARALLAX_LIMIT_LEASE_TTL_MS` `PARALLAX_DATA_DIR`"),
  ).toEqual([]);
});

it.each(["PARALLAX_PRT", "run_terminated", "--data-directory", "PARALLAX_LIMIT_LEASE_MS"])("misses %s", (name) => {
  expect(check(`one\n\`${name}\``)).toEqual([`2: ${name} is not in the sources`]);
});

it("looks only at what cannot be anything else", () => {
  expect(check("`HTTP` `word` `camelCase` `-f` `a_b c` `GET /x_y` snake_case PARALLAX_NOTHING")).toEqual([]);
});
