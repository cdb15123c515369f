/** F18: a runner is given more runs than it has room for. */
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Round } from "../fault.ts";
import type { Asked } from "../proxy/start-proxy.ts";
import { lostAttempts } from "./hit.ts";

const PRETENDED_SLOTS = 8;

export const doubleAssignment: Fault = {
  id: "F18",
  title: "more runs than a runner has room for",
  variants: [
    {
      name: "one slot, eight promised",
      setting: {
        hosts: [],
        workload: { trees: 3, lateTrees: 2, messages: 0 },
        prepare: async (stage) => {
          const full = await stage.addHost("a", { args: ["--slots", "1"] });
          await stage.addHost("b");
          full.proxy.rewrite = (asked, { kind }) => {
            if (kind === "claim")
              return { ...asked, path: asked.path.replace(/free_slots=\d+/, `free_slots=${PRETENDED_SLOTS}`) };
            return kind === "register" ? pretendSlots(asked) : asked;
          };
          // it has told the truth when it came; now it comes again
          await full.runner.stop("SIGKILL");
          await full.restart();
        },
      },
      inject: async (round) => {
        await round.workload.asked;
        await round.sleep(4_000);
      },
      judge: judgeRoom,
    },
  ],
};

function pretendSlots(asked: Asked): Asked {
  const body = JSON.parse(asked.body.toString()) as Record<string, unknown>;
  return { ...asked, body: Buffer.from(JSON.stringify({ ...body, slots: PRETENDED_SLOTS })) };
}

/** What does not fit is refused, and what runs is not touched. */
function judgeRoom(round: Round, facts: Facts): string[] {
  const starts = round.stage.history.calls.filter(
    ({ kind, host, status }) => kind === "started" && host === "a" && status === 200,
  );
  const runs = new Set(starts.map(({ runId }) => runId));
  const own = facts.attempts.filter(({ runId, startedAtMs }) => runs.has(runId) && startedAtMs !== null);
  const runnerId = own[0]?.runnerId;
  const busy = own
    .filter((attempt) => attempt.runnerId === runnerId)
    .toSorted((one, other) => (one.startedAtMs ?? 0) - (other.startedAtMs ?? 0));
  const crowded = busy.filter(
    (attempt, index) => index > 0 && (attempt.startedAtMs ?? 0) < (busy[index - 1]?.endedAtMs ?? 0),
  );
  const failed = facts.runs.filter(({ outcome }) => outcome !== "completed");
  return [
    ...lostAttempts(facts),
    ...crowded.map(({ runId }) => `${runId} was started while the only slot was taken`),
    ...failed.map(({ id, outcome }) => `${id} ended as ${outcome}`),
  ];
}
