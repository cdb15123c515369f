/** F3: the coordinator has done what it was asked, and the answer never arrives. */
import type { Facts } from "../audit/load-facts.ts";
import type { Fault, Round, Variant } from "../fault.ts";
import type { CallKind } from "../proxy/classify-request.ts";

export const lostAnswers: Fault = {
  id: "F3",
  title: "answers lost after the commit",
  variants: [
    loses("claim"),
    loses("started"),
    loses("hello"),
    loses("events"),
    loses("completed"),
    loses("mcp"),
    loses("taken"),
    loses("bind"),
  ],
};

/** Of the first calls of this kind that did something, this many answers are lost. */
const LOST_MAX = 5;
const AMONG_FIRST = 12;

function loses(kind: CallKind): Variant {
  let lost = 0;
  return {
    name: kind,
    setting: {
      // a message that meets a run which has not started changes what its script is
      workload: { messages: kind === "taken" ? 3 : 0 },
      prepare: async (stage, random) => {
        lost = 0;
        const numbers = new Set(Array.from({ length: LOST_MAX }, () => random.int(1, AMONG_FIRST)));
        let seen = 0;
        for (const host of stage.hosts) {
          host.proxy.losesAnswer = (call, status) => {
            // a claim that brought nothing is answered with 204
            if (call.kind !== kind || status !== 200) return false;
            seen += 1;
            if (numbers.has(seen)) lost += 1;
            return numbers.has(seen);
          };
        }
      },
    },
    inject: async (round) => {
      await round.workload.asked;
      await round.until("an answer was lost", () => lost > 0);
      await round.sleep(2_000);
      round.note(`${lost} answers were lost`);
    },
    judge: (round, facts) => [...judgeOnce(facts), ...(kind === "taken" ? [] : judgeSessions(round, facts))],
  };
}

/** A repeat is the same call: nothing of it is counted, offered or done a second time. */
function judgeOnce(facts: Facts): string[] {
  return facts.runs
    .filter((run) => run.attempt > 1 || run.deliveries > 1)
    .map(
      (run) =>
        `${run.id} needed ${run.attempt} attempts and ${run.deliveries} starts because of an answer that was lost`,
    );
}

function judgeSessions({ workload }: Round, facts: Facts): string[] {
  if (facts.sessions.length === workload.sessionsPlanned) return [];
  return [`${facts.sessions.length} sessions where ${workload.sessionsPlanned} were started`];
}
