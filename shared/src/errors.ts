/**
 * Every error that crosses a process boundary has a stable `code` from this table.
 * Callers branch on `code`, never on the message or the class.
 * `retry` tells a program what to do next:
 *   never        the same request will fail again
 *   later        the same request may succeed after a pause (503, 429)
 *   end_attempt  the author no longer holds the attempt: end the process tree, report nothing more
 */
export type RetryDisposition = "never" | "later" | "end_attempt";

interface ErrorEntry {
  readonly status: number;
  readonly retry: RetryDisposition;
}

export const ERROR_TABLE = {
  // requests that cannot be understood
  invalid_request: { status: 422, retry: "never" },
  invalid_json: { status: 400, retry: "never" },
  body_too_large: { status: 413, retry: "never" },
  unsupported_option: { status: 422, retry: "never" },
  parameter_validation_failed: { status: 400, retry: "never" },
  method_not_allowed: { status: 405, retry: "never" },
  // who is asking
  unauthorized: { status: 401, retry: "never" },
  forbidden: { status: 403, retry: "never" },
  host_not_allowed: { status: 403, retry: "never" },
  origin_not_allowed: { status: 403, retry: "never" },
  unknown_runner: { status: 401, retry: "never" },
  // what is asked for
  not_found: { status: 404, retry: "never" },
  run_not_found: { status: 404, retry: "never" },
  session_not_found: { status: 404, retry: "never" },
  blueprint_not_found: { status: 404, retry: "never" },
  blueprint_inactive: { status: 409, retry: "never" },
  blueprint_exists: { status: 409, retry: "never" },
  blueprint_unresolved: { status: 400, retry: "never" },
  runner_not_found: { status: 404, retry: "never" },
  session_exists: { status: 409, retry: "never" },
  session_id_required: { status: 400, retry: "never" },
  session_busy: { status: 409, retry: "never" },
  session_active: { status: 409, retry: "never" },
  session_not_settled: { status: 400, retry: "never" },
  result_not_found: { status: 404, retry: "never" },
  parent_not_found: { status: 404, retry: "never" },
  parent_is_descendant: { status: 409, retry: "never" },
  parent_in_another_tree: { status: 409, retry: "never" },
  parent_stopped: { status: 409, retry: "never" },
  tree_depth_exceeded: { status: 409, retry: "never" },
  tree_fan_out_exceeded: { status: 409, retry: "never" },
  tree_runs_exceeded: { status: 409, retry: "never" },
  idempotency_conflict: { status: 409, retry: "never" },
  run_not_retryable: { status: 409, retry: "never" },
  out_of_scope: { status: 403, retry: "never" },
  duplicate_runner: { status: 409, retry: "never" },
  agent_name_collision: { status: 409, retry: "never" },
  runner_draining: { status: 409, retry: "never" },
  // fencing: what a supervisor or runner hears when it no longer holds the attempt
  lease_token_invalid: { status: 401, retry: "end_attempt" },
  attempt_superseded: { status: 409, retry: "end_attempt" },
  run_terminal: { status: 409, retry: "end_attempt" },
  run_stopping: { status: 409, retry: "end_attempt" },
  offer_lapsed: { status: 409, retry: "end_attempt" },
  supervisor_superseded: { status: 409, retry: "end_attempt" },
  not_the_claimer: { status: 409, retry: "never" },
  renewal_handed_over: { status: 409, retry: "never" },
  frame_gap: { status: 409, retry: "never" },
  // the coordinator cannot answer now
  attempt_cut_off: { status: 503, retry: "later" },
  rate_limited: { status: 429, retry: "later" },
  store_unavailable: { status: 503, retry: "later" },
  shutting_down: { status: 503, retry: "later" },
  internal: { status: 500, retry: "later" },
  // set-up of this host
  data_dir_unusable: { status: 500, retry: "never" },
  data_dir_in_use: { status: 500, retry: "never" },
  embedded_start_failed: { status: 500, retry: "never" },
  embedded_version_mismatch: { status: 500, retry: "never" },
  embedded_no_user: { status: 500, retry: "never" },
  config_invalid: { status: 500, retry: "never" },
  state_dir_in_use: { status: 500, retry: "never" },
  coordinator_unreachable: { status: 503, retry: "later" },
  // what a runner or supervisor reports about a run
  executor_not_found: { status: 500, retry: "never" },
  executor_unknown: { status: 500, retry: "never" },
  executor_config_invalid: { status: 422, retry: "never" },
  executor_failed: { status: 500, retry: "never" },
  project_dir_missing: { status: 500, retry: "never" },
  spawn_failed: { status: 500, retry: "later" },
  disk_full: { status: 500, retry: "later" },
  agent_failed: { status: 500, retry: "never" },
  agent_api_error: { status: 500, retry: "later" },
  agent_refused: { status: 500, retry: "never" },
  agent_denied: { status: 500, retry: "never" },
  agent_ended_without_result: { status: 500, retry: "later" },
  agent_session_missing: { status: 500, retry: "never" },
  lost: { status: 500, retry: "later" },
  poison: { status: 500, retry: "never" },
  expired: { status: 500, retry: "never" },
  timeout: { status: 500, retry: "never" },
  idle_timeout: { status: 500, retry: "never" },
  stopped: { status: 500, retry: "never" },
} as const satisfies Record<string, ErrorEntry>;

export type ErrorCode = keyof typeof ERROR_TABLE;

export interface ErrorExtras {
  /** One sentence that tells a person what to do about it. */
  readonly hint?: string;
  /** Machine-readable facts; never a secret. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly cause?: unknown;
}

/** The only error class of the project; `code` is the contract, `message` is for people. */
export class ParallaxError extends Error {
  readonly code: ErrorCode;
  readonly hint: string | undefined;
  readonly details: Readonly<Record<string, unknown>> | undefined;

  constructor(code: ErrorCode, message: string, extras: ErrorExtras = {}) {
    super(message, extras.cause === undefined ? undefined : { cause: extras.cause });
    this.name = "ParallaxError";
    this.code = code;
    this.hint = extras.hint;
    this.details = extras.details;
  }

  get status(): number {
    return ERROR_TABLE[this.code].status;
  }

  get retry(): RetryDisposition {
    return ERROR_TABLE[this.code].retry;
  }
}

export function isErrorCode(value: unknown): value is ErrorCode {
  return typeof value === "string" && Object.hasOwn(ERROR_TABLE, value);
}

export function isParallaxError(value: unknown): value is ParallaxError {
  return value instanceof ParallaxError;
}

/** Ends a switch over a closed set: adding a member fails the type check here. */
export function assertNever(value: never, what: string): never {
  throw new ParallaxError("internal", `unexpected ${what}: ${JSON.stringify(value)}`);
}
