import type { Clock } from "@parallax/shared/clock";
import type { Ids } from "@parallax/shared/ids";
import type { Limits } from "@parallax/shared/limits";
import type { Logger } from "pino";
import type { LeaseTokens } from "./auth/lease-tokens.ts";
import type { Queue } from "./queue/contract.ts";
import type { Wake } from "./queue/wake.ts";
import type { Store } from "./store/store.ts";

/** Everything a transition may use; made once in main.ts and passed on. */
export interface Deps {
  readonly store: Store;
  readonly queue: Queue;
  readonly wake: Wake;
  readonly clock: Clock;
  readonly ids: Ids;
  readonly limits: Limits;
  readonly tokens: LeaseTokens;
  readonly logger: Logger;
}

/** Topics of wake-ups. They carry ids only; who wakes reads the rows. */
export const TOPICS = {
  /** id: lane; a run became ready in it */
  lane: "lane",
  /** id: run; its supervisor should read its directives */
  directives: "directives",
  /** id: run; its sequence grew or was sealed */
  events: "events",
  /** id: run; the newest attempt's part of its log may be complete */
  log: "log",
  /** id: session (project/session); something about it changed */
  session: "session",
  /** id: runner; a plain runner's poll should look for stops */
  runner: "runner",
} as const;

export function sessionTopicId(projectId: string, sessionId: string): string {
  return `${projectId}/${sessionId}`;
}
