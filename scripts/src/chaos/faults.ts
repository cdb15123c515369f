import type { Fault } from "./fault.ts";
import { killedProcesses } from "./faults/f01-killed-processes.ts";
import { frozenProcesses } from "./faults/f02-frozen-processes.ts";
import { lostAnswers } from "./faults/f03-lost-answers.ts";
import { stops } from "./faults/f04-stops.ts";
import { forks } from "./faults/f05-forks.ts";
import { hangingAgents } from "./faults/f06-hanging-agents.ts";
import { coordinatorRestarts } from "./faults/f10-coordinator-restarts.ts";
import { queueWiped } from "./faults/f11-queue-wiped.ts";
import { database } from "./faults/f12-database.ts";
import { poison } from "./faults/f16-poison.ts";
import { endWithoutCallback } from "./faults/f17-end-without-callback.ts";
import { doubleAssignment } from "./faults/f18-double-assignment.ts";
import { drainRace } from "./faults/f19-drain-race.ts";
import { repeatedCalls } from "./faults/f23-repeated-calls.ts";
import { starved } from "./faults/f24-starved.ts";
import { restartAfterEnd } from "./faults/f25-restart-after-end.ts";

/** Every fault, in the order in which they are played. A new one is a file in faults/ and a line here. */
export const FAULTS: readonly Fault[] = [
  killedProcesses,
  frozenProcesses,
  lostAnswers,
  stops,
  forks,
  hangingAgents,
  coordinatorRestarts,
  queueWiped,
  database,
  poison,
  endWithoutCallback,
  doubleAssignment,
  drainRace,
  repeatedCalls,
  starved,
  restartAfterEnd,
];
