import { expireLeases } from "../../leases/expire-leases.ts";
import { promoteDue, sweepForgotten } from "../../leases/sweep-forgotten.ts";
import { touchLiveness } from "../../store/leases.ts";
import { letLeaseExpire } from "../../store/testing/let-lease-expire.ts";
import {
  letPausesEnd,
  letQueueTimeEnd,
  letStartTimeCome,
  letStopGoUnanswered,
} from "../../store/testing/let-time-pass.ts";
import { type Action, type Outside, ofRun } from "./outside.ts";

const dbOf = ({ real }: Outside) => real.deps.store.db;

async function sweep({ real: { deps } }: Outside): Promise<void> {
  await touchLiveness(deps.store.db);
  await expireLeases(deps);
  await promoteDue(deps);
  await sweepForgotten(deps);
}

/** What happens by itself. */
export const ACTIONS_OF_TIME: readonly Action[] = [
  {
    name: "lease expires",
    weight: 4,
    refusals: [],
    act: ofRun(async (outside, runId) => {
      await letLeaseExpire(dbOf(outside), runId);
      await sweep(outside);
    }),
  },
  {
    name: "stop goes unanswered",
    weight: 1,
    refusals: [],
    act: ofRun(async (outside, runId) => {
      await letStopGoUnanswered(dbOf(outside), runId);
      await sweep(outside);
    }),
  },
  {
    name: "queue time ends",
    weight: 1,
    refusals: [],
    act: ofRun(async (outside, runId) => {
      await letQueueTimeEnd(dbOf(outside), runId);
      await sweep(outside);
    }),
  },
  {
    name: "pauses end",
    weight: 2,
    refusals: [],
    act: ofRun(async (outside, runId, session) => {
      await letPausesEnd(dbOf(outside), outside.real.project, session);
      await letStartTimeCome(dbOf(outside), runId);
      await sweep(outside);
    }),
  },
  { name: "sweep", weight: 2, refusals: [], act: sweep },
];
