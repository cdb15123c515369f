import fc from "fast-check";
import { expireLeases } from "../../leases/expire-leases.ts";
import { promoteDue, sweepForgotten } from "../../leases/sweep-forgotten.ts";
import { touchLiveness } from "../../store/leases.ts";
import { letLeaseExpire } from "../../store/testing/let-lease-expire.ts";
import {
  letOccupationEnd,
  letOutagePass,
  letPausesEnd,
  letQueueTimeEnd,
  letStartTimeCome,
  letStopGoUnanswered,
} from "../../store/testing/let-time-pass.ts";
import { comeToRest } from "./come-to-rest.ts";
import { end, lose } from "./endings.ts";
import { restarted } from "./real.ts";
import { activeRun } from "./rules.ts";
import { type Bench, chooseOf, count, type Step } from "./step.ts";

const n = fc.nat({ max: 30 });

/** What runs every few seconds. */
async function sweep({ real }: Bench): Promise<void> {
  await touchLiveness(real.deps.store.db);
  await expireLeases(real.deps);
  await promoteDue(real.deps);
  await sweepForgotten(real.deps);
}

export const leaseExpires: Step<number> = {
  name: "lease expires",
  weight: 5,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const run = chooseOf(world.runs, which, (one) => ["claimed", "running", "stopping"].includes(one.state));
    if (run === undefined) return;
    await letLeaseExpire(real.deps.store.db, run.id ?? "");
    await sweep(bench);
    lose(world, run, true);
    comeToRest(world);
    count(bench, "losses");
  },
};

export const stopUnanswered: Step<number> = {
  name: "nobody answers the stop",
  weight: 2,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const run = chooseOf(world.runs, which, (one) => one.state === "stopping");
    if (run === undefined) return;
    await letStopGoUnanswered(real.deps.store.db, run.id ?? "");
    await sweep(bench);
    end(world, run, { outcome: "stopped", taken: null, treeGone: false });
    comeToRest(world);
  },
};

export const queueTimeEnds: Step<number> = {
  name: "queue time ends",
  weight: 1,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const run = chooseOf(world.runs, which, (one) => one.state === "pending");
    if (run === undefined) return;
    await letQueueTimeEnd(real.deps.store.db, run.id ?? "");
    await sweep(bench);
    if (!run.expires || run.deliveries > 0) return;
    end(world, run, { outcome: "expired", taken: null, treeGone: true });
    comeToRest(world);
  },
};

export const occupationEnds: Step<number> = {
  name: "occupation ends",
  weight: 1,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const session = chooseOf(world.sessions, which, (one) => one.occupied);
    if (session === undefined) return;
    await letOccupationEnd(real.deps.store.db, real.project, session.id);
    await sweep(bench);
    session.occupied = false;
    comeToRest(world);
  },
};

export const pausesEnd: Step<number> = {
  name: "pauses end",
  weight: 2,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const item = chooseOf(world.items, which, (one) => one.paused);
    if (item === undefined) return;
    await letPausesEnd(real.deps.store.db, real.project, item.session);
    await sweep(bench);
    for (const one of world.items) if (one.session === item.session) one.paused = false;
    comeToRest(world);
  },
};

export const timeComes: Step<number> = {
  name: "time comes",
  weight: 2,
  given: n,
  take: async (bench, which) => {
    const { world, real } = bench;
    const run = chooseOf(world.runs, which, (one) => one.waitsForTime || one.offerPaused);
    if (run === undefined) return;
    await letStartTimeCome(real.deps.store.db, run.id ?? "");
    await sweep(bench);
    run.waitsForTime = false;
    run.offerPaused = false;
    comeToRest(world);
  },
};

/** Everything stands still for a quarter of an hour, far longer than any lease: nothing may be lost by it. */
export const outage: Step<null> = {
  name: "outage",
  weight: 1,
  given: fc.constant(null),
  take: async (bench) => {
    const { real, world } = bench;
    await touchLiveness(real.deps.store.db);
    await letOutagePass(real.deps.store.db, 4 * 3_600_000);
    await Promise.all([expireLeases(real.deps), expireLeases(real.deps)]);
    await sweep(bench);
    if (world.sessions.some((session) => activeRun(world, session.id) !== undefined)) count(bench, "outages at work");
  },
};

/** Crash and restart: a new process on the same database. */
export const restart: Step<null> = {
  name: "restart",
  weight: 1,
  given: fc.constant(null),
  take: async (bench) => {
    bench.real.deps = restarted(bench.real.deps);
    await sweep(bench);
  },
};
