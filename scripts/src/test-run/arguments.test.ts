import { expect, it } from "vitest";
import { PROJECTS, parseArguments } from "./arguments.ts";

it("runs every project and the checks when nothing is named", () => {
  expect(parseArguments([])).toEqual({ projects: PROJECTS, filters: [], everything: true });
});

it("takes projects in both spellings and passes the rest on as filters", () => {
  expect(parseArguments(["--project", "unit", "--project=e2e", "run-state"])).toEqual({
    projects: ["unit", "e2e"],
    filters: ["run-state"],
    everything: false,
  });
});

it.each([["--project", "unti"], ["--project"], ["--projcet=unit"], ["-t"]])(
  "refuses %s %s with the usage",
  (...args) => {
    expect(() => parseArguments(args)).toThrow(/usage:/);
  },
);
