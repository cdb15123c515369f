import { isActiveRun } from "@parallax/shared/run-state";
import type { AnsweredCall } from "../proxy/history.ts";
import type { Finding } from "./finding.ts";
import type { Facts } from "./load-facts.ts";

/** Writes that only the holder of the newest attempt may make. */
const WRITES: ReadonlySet<string> = new Set(["hello", "events", "bind", "taken", "delivered", "completed"]);

/** I1 one writer, I3 an accepted write's author held the newest attempt, I4 attempts increase, I12 deliveries are bounded. */
export function findLeaseViolations(facts: Facts, calls: readonly AnsweredCall[], deliveriesMax: number): Finding[] {
  return [...twoWriters(facts), ...staleWrites(facts, calls), ...attemptsOutOfOrder(facts, deliveriesMax)];
}

const violation = (text: string): Finding => ({ kind: "lease", text });

function twoWriters(facts: Facts): Finding[] {
  const active = Map.groupBy(
    facts.runs.filter((run) => isActiveRun(run.state)),
    (run) => run.sessionId,
  );
  return [...active]
    .filter(([, runs]) => runs.length > 1)
    .map(([sessionId, runs]) => violation(`${sessionId} has ${runs.length} runs at work`));
}

function staleWrites(facts: Facts, calls: readonly AnsweredCall[]): Finding[] {
  const findings: Finding[] = [];
  for (const call of calls) {
    if (!WRITES.has(call.kind) || call.status !== 200 || call.attempt === null) continue;
    const newer = facts.attempts.find(
      ({ runId, attempt, claimedAtMs }) =>
        runId === call.runId && attempt > (call.attempt ?? 0) && claimedAtMs < call.askedAtMs,
    );
    if (newer !== undefined)
      findings.push(
        violation(
          `${call.kind} of ${call.runId} attempt ${call.attempt} was accepted after the claim of ${newer.attempt}`,
        ),
      );
  }
  return findings;
}

function attemptsOutOfOrder(facts: Facts, deliveriesMax: number): Finding[] {
  const findings: Finding[] = [];
  for (const run of facts.runs) {
    const own = facts.attempts.filter(({ runId }) => runId === run.id);
    const numbers = own.map(({ attempt }) => attempt);
    if (numbers.some((number, index) => number !== index + 1) || numbers.length !== run.attempt)
      findings.push(violation(`${run.id} has the attempts ${numbers.join(", ")} and says ${run.attempt}`));
    if (own.some(({ claimedAtMs }, index) => index > 0 && claimedAtMs < (own[index - 1]?.claimedAtMs ?? 0)))
      findings.push(violation(`${run.id}: an attempt was claimed before the one ahead of it`));
    if (run.deliveries > deliveriesMax) findings.push(violation(`${run.id} was started ${run.deliveries} times`));
  }
  return findings;
}
