import { stateOfOutcome } from "@parallax/shared/outcome";
import { isActiveRun, isTerminalRun } from "@parallax/shared/run-state";
import type { AttemptRow, RunRow, StreamRow } from "../store/history.ts";
import type { IndexedHistory } from "./indexed-history.ts";

/** I1 to I4 and I12: who may write, how often a run ends, how often it is tried. */
export function auditAttempts(indexed: IndexedHistory): string[] {
  const violations: string[] = [];
  for (const run of indexed.history.runs) {
    const attempts = indexed.attemptsOf.get(run.id) ?? [];
    violations.push(
      ...oneLease(run, attempts),
      ...oneEnd(run, attempts),
      ...attemptsInOrder(run, attempts),
      ...withinBounds(run, attempts, indexed),
    );
  }
  for (const stream of indexed.history.streams) violations.push(...oneSequence(stream));
  return violations;
}

function oneLease(run: RunRow, attempts: readonly AttemptRow[]): string[] {
  const violations: string[] = [];
  const open = attempts.filter((attempt) => !attempt.ended);
  if (isActiveRun(run.state) !== (run.leaseExpiresAtMs !== null))
    violations.push(`I1: ${run.id} is ${run.state} and ${run.leaseExpiresAtMs === null ? "has no" : "has a"} lease`);
  const expected = isActiveRun(run.state) ? [run.attempt] : [];
  const numbers = open.map((attempt) => attempt.attempt);
  if (numbers.join() !== expected.join())
    violations.push(`I1: ${run.id} is ${run.state} in attempt ${run.attempt}, but open are the attempts [${numbers}]`);
  return violations;
}

function oneEnd(run: RunRow, attempts: readonly AttemptRow[]): string[] {
  const violations: string[] = [];
  const ended = isTerminalRun(run.state);
  if (ended !== (run.outcome !== null) || ended !== (run.finishedAtMs !== null))
    violations.push(`I2: ${run.id} is ${run.state} with outcome ${run.outcome}`);
  if (run.outcome !== null && stateOfOutcome(run.outcome) !== run.state)
    violations.push(`I2: ${run.id} is ${run.state}, its outcome ${run.outcome} says ${stateOfOutcome(run.outcome)}`);
  const reported = attempts.filter((attempt) => attempt.reportedEnd);
  if (reported.length > (ended ? 1 : 0))
    violations.push(`I2: ${reported.length} ends of ${run.id}, which is ${run.state}, were accepted`);
  for (const attempt of reported)
    if (attempt.attempt !== run.attempt)
      violations.push(`I3: the end of ${run.id} is attempt ${attempt.attempt}'s, the newest is ${run.attempt}`);
  return violations;
}

function attemptsInOrder(run: RunRow, attempts: readonly AttemptRow[]): string[] {
  const violations: string[] = [];
  if (attempts.length !== run.attempt || attempts.some((attempt, index) => attempt.attempt !== index + 1))
    violations.push(`I4: ${run.id} is at attempt ${run.attempt}, known are [${attempts.map((one) => one.attempt)}]`);
  attempts.forEach((attempt, index) => {
    if (index > 0 && attempt.claimedAtMs < (attempts[index - 1]?.claimedAtMs ?? 0))
      violations.push(`I4: attempt ${attempt.attempt} of ${run.id} was claimed before the one ahead of it`);
    if (attempt.framesStored !== attempt.framesTold)
      violations.push(
        `I3: attempt ${attempt.attempt} of ${run.id} has ${attempt.framesStored} frames, acknowledged are ${attempt.framesTold}`,
      );
  });
  return violations;
}

function withinBounds(run: RunRow, attempts: readonly AttemptRow[], { bounds }: IndexedHistory): string[] {
  const violations: string[] = [];
  const starts = attempts.filter((attempt) => attempt.started).length;
  const lapsed = attempts.filter(
    ({ endReason, started }) => endReason === "lapsed" || (endReason === "given_up" && !started),
  ).length;
  // an offer may have lapsed whose author reports its end after all
  const atMost = lapsed + attempts.filter(({ started, reportedEnd }) => !started && reportedEnd).length;
  if (run.deliveries !== starts)
    violations.push(`I12: ${run.id} counts ${run.deliveries} starts, there were ${starts}`);
  if (run.offers < lapsed || run.offers > atMost)
    violations.push(`I12: ${run.id} counts ${run.offers} lapsed offers, there were ${lapsed}`);
  if (run.deliveries > bounds.deliveriesMax) violations.push(`I12: ${run.id} was started ${run.deliveries} times`);
  if (run.offers > bounds.offersMax) violations.push(`I12: ${run.id} was offered in vain ${run.offers} times`);
  return violations;
}

function oneSequence(stream: StreamRow): string[] {
  const violations: string[] = [];
  if (stream.events !== stream.lastSeq || stream.highestSeq !== stream.lastSeq)
    violations.push(
      `I3: the sequence of ${stream.run} has ${stream.events} events up to ${stream.highestSeq} of ${stream.lastSeq}`,
    );
  if (stream.outOfOrder > 0)
    violations.push(`I3: ${stream.outOfOrder} frames of ${stream.run} stand behind those of a newer attempt`);
  if (stream.seals !== (stream.sealed ? 1 : 0) || (stream.sealed && stream.lastType !== "log_sealed"))
    violations.push(`I2: ${stream.run} has ${stream.seals} seals and ends with ${stream.lastType}`);
  return violations;
}
