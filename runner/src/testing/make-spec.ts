import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import { FakeRun } from "./fake-run.ts";

/** A spec as the runner would write it. */
export function makeSpec(changes: Partial<AttemptSpec> = {}): AttemptSpec {
  const lease = { lease_ttl_ms: 90_000, freeze_after_ms: 60_000, renew_every_ms: 15_000 };
  const { offer } = new FakeRun({ lease_token: "token-of-the-lease" }, lease);
  return {
    version: 1,
    run: offer,
    runnerId: "rnr_1",
    coordinatorUrl: "http://127.0.0.1:1",
    defaultProjectDir: "/",
    agentsDir: null,
    hostEnv: {},
    controlName: "parallax-test",
    controlSecret: "secret",
    marker: "marker",
    timing: DEFAULT_LIMITS,
    ...changes,
  };
}
