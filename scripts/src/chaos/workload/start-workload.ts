import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { isParallaxError } from "@parallax/shared/errors";
import type { Fleet } from "../../../e2e/support/fleet.ts";
import type { Random } from "../random.ts";
import type { WorkloadShape } from "./shape.ts";
import { type AgentScript, writeTreeScript } from "./write-script.ts";

/** What the generator was told: the auditor holds the fleet to it. */
export interface Acknowledged {
  /** Runs whose creation was answered with 201. */
  readonly runs: { readonly runId: string; readonly sessionId: string }[];
  /** Messages that were accepted, by the word that only they carry. */
  readonly messages: { readonly word: string; readonly sessionId: string }[];
  /** Sessions whose tree was asked to stop. */
  readonly stopped: Set<string>;
}

export interface Workload {
  readonly ledger: string;
  readonly forkMarker: string;
  readonly acknowledged: Acknowledged;
  /** Creates one more run with this script; resolves with its ids once it was acknowledged. */
  create(script: object, more?: object): Promise<{ runId: string; sessionId: string }>;
  /** Sessions that the scripts make when each of their steps is done once. */
  readonly sessionsPlanned: number;
  /** Resolves when everything that was to be asked for was asked for and answered. */
  readonly asked: Promise<void>;
}

/** The time over which what is not there from the start is spread. */
const SPREAD_MS = 6_000;

interface Generator {
  readonly fleet: Fleet;
  readonly shape: WorkloadShape;
  readonly random: Random;
  readonly signal: AbortSignal;
}

/** Asks for everything a round's agents shall do. What cannot be asked for during an outage is asked again until somebody answers. */
export async function startWorkload({ fleet, shape, random, signal }: Generator): Promise<Workload> {
  const ledger = join(fleet.directory, "ledger");
  const forkMarker = `chaos-${randomBytes(8).toString("hex")}`;
  const acknowledged: Acknowledged = { runs: [], messages: [], stopped: new Set() };
  const create: Workload["create"] = async (script, more = {}) => {
    const run = { type: "start_session" as const, executor: "test", on_lost: shape.onLost, ...more };
    const idempotencyKey = randomBytes(12).toString("hex");
    const created = await insist(signal, () =>
      fleet.client.runs.create({ ...run, prompt: JSON.stringify(script) }, { idempotencyKey, signal }),
    );
    const ids = { runId: created.run_id, sessionId: created.session_id };
    acknowledged.runs.push(ids);
    return ids;
  };
  const surroundings = { shape, random, ledger, forkMarker };
  const trees = Array.from({ length: shape.trees + shape.lateTrees }, (_none, index) => ({
    script: writeTreeScript(surroundings, `t${index}`),
    afterMs: index < shape.trees ? 0 : random.int(0, SPREAD_MS),
  }));
  const early = trees.slice(0, shape.trees);
  const roots = await Promise.all(early.map(async ({ script }) => (await create(script)).sessionId));

  const later: Promise<void>[] = trees.slice(shape.trees).map(async ({ script, afterMs }) => {
    await sleep(afterMs, undefined, { signal });
    await create(script);
  });
  const order = random.shuffled(roots);
  const doomed = order.slice(0, shape.stops);
  const spared = order.slice(shape.stops);
  for (let index = 0; index < shape.messages && spared.length > 0; index += 1) {
    const sessionId = random.pick(spared);
    const afterMs = random.int(0, SPREAD_MS);
    const word = `word-${index}-${randomBytes(4).toString("hex")}`;
    later.push(
      (async () => {
        await sleep(afterMs, undefined, { signal });
        await insist(signal, () => fleet.client.sessions.sendMessage(sessionId, { message: word }, { signal }));
        acknowledged.messages.push({ word, sessionId });
      })(),
    );
  }
  for (const sessionId of doomed) {
    const afterMs = random.int(500, SPREAD_MS);
    later.push(
      (async () => {
        await sleep(afterMs, undefined, { signal });
        acknowledged.stopped.add(sessionId);
        await insist(signal, () => fleet.client.sessions.stop(sessionId, { signal }));
      })(),
    );
  }
  const asked = Promise.all(later).then(() => undefined);
  asked.catch(() => undefined);
  const sessionsPlanned = trees.reduce((sum, { script }) => sum + countSessions(script), 0);
  return { ledger, forkMarker, acknowledged, create, sessionsPlanned, asked };
}

/** The session of the script itself and those that its steps start. */
function countSessions(script: AgentScript): number {
  const started = script.steps.flatMap((step) => ("start" in step ? [step.start as { prompt: AgentScript }] : []));
  return started.reduce((sum, { prompt }) => sum + countSessions(prompt), 1);
}

const INSIST_EVERY_MS = 250;

/** An outage is no answer. A refusal is one, and none was expected. */
async function insist<T>(signal: AbortSignal, call: () => Promise<T>): Promise<T> {
  for (;;) {
    signal.throwIfAborted();
    try {
      return await call();
    } catch (error) {
      if (!isParallaxError(error) || error.retry !== "later") throw error;
    }
    await sleep(INSIST_EVERY_MS, undefined, { signal });
  }
}
