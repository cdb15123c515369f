import { randomBytes } from "node:crypto";

/** Prefixes of every id that leaves a process; the prefix tells a reader what it names. */
export const ID_PREFIXES = {
  session: "ses_",
  run: "run_",
  runner: "rnr_",
  lane: "lane_",
  item: "itm_",
  duty: "dty_",
  request: "req_",
  instance: "ins_",
  incarnation: "inc_",
  claim: "clm_",
  poll: "pol_",
} as const;

export type IdKind = keyof typeof ID_PREFIXES;

/** Makes ids; injected so that tests can predict them. */
export interface Ids {
  make(kind: IdKind): string;
}

/** 64 random bits behind the prefix: short enough to type, unique per table by its primary key. */
export const randomIds: Ids = {
  make: (kind) => ID_PREFIXES[kind] + randomBytes(8).toString("hex"),
};
