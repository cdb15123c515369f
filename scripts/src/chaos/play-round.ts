/** One round: a fleet of its own, a workload, one fault, rest, audit, and nothing left. */
import { setTimeout as sleep } from "node:timers/promises";
import postgres, { type Sql } from "postgres";
import { findMarked } from "../../e2e/support/find-processes.ts";
import { auditRound } from "./audit/audit-round.ts";
import type { Finding } from "./audit/finding.ts";
import type { Facts } from "./audit/load-facts.ts";
import type { Fault, Round, Variant } from "./fault.ts";
import type { AnsweredCall } from "./proxy/history.ts";
import { createRandom } from "./random.ts";
import { watchRest } from "./rest.ts";
import { listFleetProcesses } from "./stage/list-processes.ts";
import { openStage, type Stage } from "./stage/open-stage.ts";
import { type Effect, readLedger } from "./workload/ledger.ts";
import { DEFAULT_SHAPE } from "./workload/shape.ts";
import { startWorkload } from "./workload/start-workload.ts";

export interface RoundResult {
  readonly fault: string;
  readonly variant: string;
  readonly seed: number;
  readonly runs: number;
  readonly attempts: number;
  readonly findings: readonly Finding[];
  readonly standstillMs: number;
  readonly durationMs: number;
  readonly notes: readonly string[];
  /** What the findings rest on; null when there are none. */
  readonly evidence: RoundEvidence | null;
}

interface RoundEvidence {
  /** Null when the database could not be asked. */
  readonly facts: Facts | null;
  readonly calls: readonly AnsweredCall[];
  readonly ledger: readonly Effect[];
  /** The last words of every process. */
  readonly logs: string;
}

const REST_WITHIN_MS = 120_000;
const PROCESS_GRACE_MS = 10_000;

export interface RoundRequest {
  readonly fault: Fault;
  readonly variant: Variant;
  readonly seed: number;
  readonly signal: AbortSignal;
  readonly say: (text: string) => void;
}

export async function playRound(request: RoundRequest): Promise<RoundResult> {
  const startedMs = performance.now();
  const { fault, variant, seed } = request;
  const notes: string[] = [];
  const note = (text: string): void => {
    notes.push(`${((performance.now() - startedMs) / 1000).toFixed(1)} s: ${text}`);
    request.say(text);
  };
  // Whatever a round has begun ends with it, also when it fails.
  const over = new AbortController();
  const signal = AbortSignal.any([request.signal, over.signal]);
  const stage = await openStage(variant.setting?.limits ?? {});
  let played: Played;
  try {
    played = await play({ ...request, signal }, stage, note).catch((error: unknown) => {
      request.signal.throwIfAborted();
      return unplayed(error, stage);
    });
  } finally {
    over.abort(new Error("the round is over"));
    await stage.close();
  }
  return { fault: fault.id, variant: variant.name, seed, ...played, durationMs: performance.now() - startedMs, notes };
}

/** A fault that could not be played to its end has broken something that it relies on. */
function unplayed(error: unknown, stage: Stage): Played {
  const text = `the round could not be played: ${error instanceof Error ? error.message : String(error)}`;
  return {
    runs: 0,
    attempts: 0,
    standstillMs: 0,
    findings: [{ kind: "promise", text }],
    evidence: { facts: null, calls: stage.history.calls, ledger: [], logs: stage.fleet.dump() },
  };
}

type Played = Pick<RoundResult, "runs" | "attempts" | "findings" | "standstillMs" | "evidence">;

async function play(
  { variant, fault, seed, signal }: RoundRequest,
  stage: Stage,
  note: Round["note"],
): Promise<Played> {
  const setting = variant.setting ?? {};
  const random = createRandom(seed, `${fault.id}/${variant.name}`);
  for (const name of setting.hosts ?? ["a", "b"]) await stage.addHost(name);
  await setting.prepare?.(stage, random);
  const shape = { ...DEFAULT_SHAPE, ...setting.workload };
  const workload = await startWorkload({
    fleet: stage.fleet,
    shape,
    random: createRandom(seed, `${fault.id}/workload`),
    signal,
  });
  const sql = connect(stage);
  const watch = watchRest(sql, signal);
  const round = makeRound({ seed, random, stage, workload, signal, note, facts: () => watch.latest() });

  const faultBeganMs = Date.now();
  await variant.inject(round);
  note("the fault is over");
  await workload.asked;
  const rested = await watch.rest(setting.restWithinMs ?? REST_WITHIN_MS);
  note(rested ? "everything is at rest" : "not everything came to rest");

  const gone = async (): Promise<boolean> => {
    const alive = listFleetProcesses(stage.fleet.directory).some(({ kind }) => kind !== "runner");
    return !alive && (await findMarked(`PARALLAX_TEST_FORK=${workload.forkMarker}`)).length === 0;
  };
  await round.until("every process is gone", gone, PROCESS_GRACE_MS).catch(() => undefined);
  const facts = await watch.latest();
  const effects = await readLedger(workload.ledger);
  const calls = stage.history.calls;
  const audited = auditRound({
    facts,
    effects,
    calls,
    ends: watch.ends,
    acknowledged: workload.acknowledged,
    processes: listFleetProcesses(stage.fleet.directory),
    leftForks: await findMarked(`PARALLAX_TEST_FORK=${workload.forkMarker}`),
    overlaps: {
      clocksAgree: setting.clocksAgree ?? true,
      frozenAttempts: round.frozenAttempts,
    },
    faultBeganMs,
  });
  const broken = (await variant.judge?.(round, facts)) ?? [];
  const findings = [...audited.findings, ...broken.map((text) => ({ kind: "promise" as const, text }))];
  return {
    runs: facts.runs.length,
    attempts: facts.attempts.length,
    standstillMs: audited.standstillMs,
    findings,
    evidence: findings.length === 0 ? null : { facts, calls, ledger: effects, logs: stage.fleet.dump() },
  };
}

/** Opened when it is first needed: an interrupted round may never need one. It connects again after each outage by itself. */
function connect(stage: Stage): () => Promise<Sql> {
  let open: Sql | null = null;
  return async () => {
    if (open === null) {
      open = postgres(await stage.fleet.databaseUrl(), { max: 1, connect_timeout: 5, onnotice: () => undefined });
      const opened = open;
      stage.cleanup.add(() => opened.end({ timeout: 1 }));
    }
    return open;
  };
}

type RoundParts = Omit<Round, "sleep" | "until" | "working" | "effects" | "frozenAttempts">;

const LOOK_EVERY_MS = 100;
const UNTIL_MS = 60_000;

function makeRound(parts: RoundParts): Round {
  const { signal, workload } = parts;
  const until: Round["until"] = async (what, condition, timeoutMs = UNTIL_MS) => {
    const deadline = performance.now() + timeoutMs;
    while (!(await condition())) {
      if (performance.now() > deadline) throw new Error(`not within ${timeoutMs} ms: ${what}`);
      await sleep(LOOK_EVERY_MS, undefined, { signal });
    }
  };
  return {
    ...parts,
    frozenAttempts: new Set(),
    effects: async () => await readLedger(workload.ledger),
    until,
    sleep: async (ms) => await sleep(ms, undefined, { signal }),
    working: async (agents) =>
      await until(`${agents} agents work`, async () => {
        const effects = await readLedger(workload.ledger);
        return new Set(effects.map(({ runId }) => runId)).size >= agents;
      }),
  };
}
