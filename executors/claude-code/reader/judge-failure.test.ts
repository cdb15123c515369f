import { expect, test } from "vitest";
import { createEvidence } from "./evidence.ts";
import { judgeFailure } from "./judge-failure.ts";

test("advises after a refused login only what this version accepts: a login or the runner's environment", () => {
  const { error } = judgeFailure({ result: "Invalid API key", api_error_status: 401 }, createEvidence());
  expect(error?.hint).toMatch(/log in/i);
  expect(error?.hint).toMatch(/start the runner with ANTHROPIC_API_KEY/);
  expect(error?.hint).not.toMatch(/secrets/);
});
