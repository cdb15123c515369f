/** The script language of the test agent: what a prompt may say. README.md describes every verb. */

type StartMode = "sync" | "async_poll" | "async_callback";

export interface StartChild {
  /** A string is expanded; a nested script goes to the child untouched, so its templates are the child's own. */
  readonly prompt: string | Script;
  readonly mode?: StartMode;
  /** Under which `${child:…}` and `${result:…}` refer to it. */
  readonly name?: string;
  readonly agent_name?: string;
  readonly executor?: string;
  readonly project_dir?: string;
  readonly allow_error?: boolean;
}

export interface CallTool {
  readonly name: string;
  readonly arguments?: Readonly<Record<string, unknown>>;
  /** Name of one of the blueprint's HTTP MCP servers; the fleet's own when absent. */
  readonly server?: string;
  /** Under which `${result:…}` refers to its text. */
  readonly as?: string;
  readonly allow_error?: boolean;
}

export const FORK_KINDS = ["child", "nohup", "setsid", "double"] as const;
export type ForkKind = (typeof FORK_KINDS)[number];

export interface LeaveProcess {
  readonly kind: ForkKind;
  readonly command_seconds: number;
  /** Value of PARALLAX_TEST_FORK in its environment, by which a test finds it. */
  readonly marker?: string;
  /** Keeps the agent's stdout and stderr open in it. */
  readonly hold_output?: boolean;
}

/** Every verb with what it takes. */
export interface Verbs {
  readonly say: string;
  readonly wait_ms: number;
  readonly wait_for_file: string;
  readonly wait_for_steer: true;
  readonly touch: string;
  readonly append: { readonly file: string; readonly line: string };
  readonly fail: string;
  readonly exit: number;
  readonly deny: string;
  readonly refuse: string;
  readonly result: string | Readonly<Record<string, unknown>>;
  readonly start: StartChild;
  readonly tool: CallTool;
  readonly status_of: string;
  readonly repeat: { readonly times: number; readonly steps: readonly Step[] };
  readonly output_bytes: number;
  readonly stderr: string;
  readonly fork: LeaveProcess;
  readonly ignore_signals: true;
  readonly hang: true;
  readonly hang_after_result: true;
  readonly spin_ms: number;
  readonly busy_reader_ms: number;
  readonly usage: Readonly<Record<string, unknown>>;
}

export type Verb = keyof Verbs;

/** Exactly one verb. */
export type Step = { [V in Verb]: { readonly [K in V]: Verbs[V] } }[Verb];

export interface Script {
  readonly steps?: readonly Step[];
  /** The steps of the first, second, … resumed turn. */
  readonly on_resume?: readonly (readonly Step[])[];
  /** The steps of every resumed turn after those. */
  readonly default_resume?: readonly Step[];
}
