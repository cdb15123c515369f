/** F23: what runners and supervisors say arrives twice, or again when newer words have been heard. */
import type { Fault, Variant } from "../fault.ts";
import type { CallKind } from "../proxy/classify-request.ts";
import type { Treatment } from "../proxy/start-proxy.ts";
import { lostAttempts } from "./hit.ts";

const SHARE = 0.3;
const ALL: ReadonlySet<CallKind> = new Set([
  "heartbeat",
  "events",
  "started",
  "hello",
  "bind",
  "taken",
  "completed",
  "lost",
  "register",
]);

export const repeatedCalls: Fault = {
  id: "F23",
  title: "calls that arrive twice or out of order",
  variants: [
    repeats("heartbeats out of order", new Set(["heartbeat"]), "replay_later"),
    repeats("events out of order", new Set(["events"]), "replay_later"),
    repeats("everything twice", ALL, "twice"),
    repeats("everything out of order", ALL, "replay_later"),
  ],
};

function repeats(name: string, kinds: ReadonlySet<CallKind>, treatment: Treatment): Variant {
  return {
    name,
    setting: {
      prepare: async (stage, random) => {
        for (const { proxy } of stage.hosts)
          proxy.rule = ({ kind }) => (kinds.has(kind) && random.chance(SHARE) ? treatment : "pass");
      },
    },
    inject: async (round) => {
      await round.workload.asked;
      await round.sleep(4_000);
    },
    judge: (_round, facts) => lostAttempts(facts),
  };
}
