/** What a supervisor tells whoever watches it; a line of JSON at each change. */
export interface SupervisorStatus {
  readonly pid: number;
  /**
   * hello       not yet accepted by the coordinator; the runner renews
   * supervised  the supervisor renews; the agent is being prepared or runs
   * reporting   the tree is gone, the completion is not yet acknowledged
   * uploading   the completion is acknowledged, what is left of the log is sent
   * left        nothing more to do; the directory is gone
   */
  readonly phase: "hello" | "supervised" | "reporting" | "uploading" | "left";
  readonly tree: "none" | "alive" | "gone";
  /**
   * How long ago the last accepted renewal was sent, and after how long without one the tree is frozen. Repeated every few seconds while
   * there is a tree: a supervisor that hangs falls silent, and the runner ends it before somebody else may start the work.
   */
  readonly lease: LeaseReport | null;
  /** Why the attempt is over without a completion. */
  readonly leftBecause: string | null;
}

export interface LeaseReport {
  readonly renewedAgoMs: number;
  readonly freezeAfterMs: number;
  /** Of the lease itself, as the coordinator counts it. */
  readonly ttlMs: number;
}

export type ControlCommand =
  /** Ends the agent in stages and reports it as stopped. */
  | { readonly command: "stop"; readonly reason: string }
  /** A newer attempt of the session is about to start here: the tree goes at once and nothing is reported. */
  | { readonly command: "end_tree"; readonly reason: string };
