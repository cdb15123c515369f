/** How much of what a round's agents do. Small on purpose: every agent and every supervisor is a process. */
export interface WorkloadShape {
  /** Trees of sessions that exist before the fault. */
  readonly trees: number;
  /** Trees that are started while it goes on. */
  readonly lateTrees: number;
  readonly childrenMin: number;
  readonly childrenMax: number;
  /** Share of children that start a child of their own. */
  readonly grandchildren: number;
  /** Lines that one turn of an agent writes, and the pause between two. */
  readonly linesMin: number;
  readonly linesMax: number;
  readonly pauseMs: number;
  /** Share of agents that leave processes behind. */
  readonly forks: number;
  /** Messages to sessions while they work. */
  readonly messages: number;
  /** Trees that are stopped while they work. */
  readonly stops: number;
  readonly onLost: "resume" | "restart";
}

export const DEFAULT_SHAPE: WorkloadShape = {
  trees: 2,
  lateTrees: 1,
  childrenMin: 1,
  childrenMax: 2,
  grandchildren: 0.4,
  linesMin: 12,
  linesMax: 30,
  pauseMs: 250,
  forks: 0.3,
  messages: 2,
  stops: 0,
  onLost: "resume",
};
