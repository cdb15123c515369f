import type { Clock } from "@parallax/shared/clock";
import type { LeaseAnswer } from "@parallax/shared/protocol/attempts";
import type { LeaseReport } from "../attempts/control-protocol.ts";
import type { AttemptLog } from "./attempt-log.ts";
import { LeaseKeeper, type LeaseVerdict, type Moment, takeMoment } from "./lease-keeper.ts";

/** What the lease acts on: the part of a process tree that can be held still. */
interface Freezable {
  freeze(): Promise<void>;
  thaw(): Promise<void>;
}

export interface LeaseHolder {
  renewed(sentAt: Moment, answer: LeaseAnswer): void;
  /** Called before anything else after any wait: a whole machine may have slept meanwhile. */
  check(): void;
  /** From now on this tree runs only while the lease can be trusted. */
  hold(tree: Freezable): void;
  /** The tree is gone. */
  release(): void;
  readonly renewEveryMs: number;
  readonly frozen: boolean;
  /** What a watcher needs to know to tell a hanging supervisor from a frozen tree. */
  report(): LeaseReport;
  close(): void;
}

export interface LeaseEvents {
  onFreeze(): void;
  onThaw(): void;
  /** Frozen for too long. */
  onGiveUp(): void;
}

const CHECK_EVERY_MS = 1_000;

export function holdLease(
  deps: { readonly clock: Clock; readonly log: AttemptLog },
  first: { readonly sentAt: Moment; readonly answer: LeaseAnswer; readonly frozenKillAfterMs: number },
  events: LeaseEvents,
): LeaseHolder {
  const keeper = new LeaseKeeper(first.sentAt, first.answer.freeze_after_ms, first.frozenKillAfterMs);
  let renewEveryMs = first.answer.renew_every_ms;
  let ttlMs = first.answer.lease_ttl_ms;
  let verdict: LeaseVerdict = "run";
  let tree: Freezable | null = null;
  let applied: "run" | "freeze" = "run";
  let applying = false;

  // One change at a time; when it is done the newest verdict counts, not the one that began it.
  const apply = async (): Promise<void> => {
    if (applying) return;
    applying = true;
    try {
      while (tree !== null && applied !== (verdict === "run" ? "run" : "freeze")) {
        applied = applied === "run" ? "freeze" : "run";
        await (applied === "freeze" ? tree.freeze() : tree.thaw());
      }
    } catch (error) {
      deps.log.error({ err: String(error) }, "the agent's tree could not be held still or continued");
    } finally {
      applying = false;
    }
  };

  const check = (): void => {
    const before = verdict;
    verdict = keeper.judge(takeMoment(deps.clock));
    if (before === "run" && verdict !== "run") events.onFreeze();
    if (before !== "run" && verdict === "run") events.onThaw();
    if (before !== "kill" && verdict === "kill") events.onGiveUp();
    void apply();
  };

  const timer = setInterval(check, CHECK_EVERY_MS);
  return {
    renewed: (sentAt, answer) => {
      renewEveryMs = answer.renew_every_ms;
      ttlMs = answer.lease_ttl_ms;
      keeper.renewed(sentAt, answer.freeze_after_ms);
      check();
    },
    check,
    hold: (held) => {
      tree = held;
      applied = "run";
      check();
    },
    release: () => {
      tree = null;
    },
    get renewEveryMs() {
      return renewEveryMs;
    },
    get frozen() {
      return verdict !== "run";
    },
    report: () => ({
      renewedAgoMs: keeper.renewedAgoMs(takeMoment(deps.clock)),
      freezeAfterMs: keeper.freezeAfterMs,
      ttlMs,
    }),
    close: () => clearInterval(timer),
  };
}
