import {
  heartbeatAnswerSchema,
  type OfferedRun,
  type PollAnswer,
  pollAnswerSchema,
  type RegisterRunner,
  registeredRunnerSchema,
  startedAnswerSchema,
} from "@parallax/shared/protocol/runners";
import type { z } from "zod";
import { type CallResult, call } from "./http/classify-answer.ts";
import type { HttpClient } from "./http/http-client.ts";

/** A call's result with its body checked; a body that is not understood counts as no answer. */
export type Checked<T> = Exclude<CallResult, { kind: "ok" }> | { readonly kind: "ok"; readonly body: T };

interface HeartbeatBody {
  readonly runner_id: string;
  readonly instance_id: string;
  readonly seq: number;
  readonly attempts: readonly AttemptProof[];
  readonly ready: boolean;
  readonly not_ready_reason?: string;
}

interface AttemptProof {
  readonly run_id: string;
  readonly attempt: number;
  readonly lease_token: string;
}

/** The runner's own calls, one method each, one try each. */
export interface RunnerClient {
  register(body: RegisterRunner): Promise<Checked<z.infer<typeof registeredRunnerSchema>>>;
  poll(query: Readonly<Record<string, string>>, waitMs: number, signal: AbortSignal): Promise<Checked<PollAnswer>>;
  started(run: OfferedRun, runnerId: string, instanceId: string): Promise<Checked<z.infer<typeof startedAnswerSchema>>>;
  heartbeat(body: HeartbeatBody, signal: AbortSignal): Promise<Checked<z.infer<typeof heartbeatAnswerSchema>>>;
  lost(proof: AttemptProof, runnerId: string, instanceId: string, reason: string): Promise<CallResult>;
  leave(runnerId: string): Promise<CallResult>;
}

const CALL_TIMEOUT_MS = 15_000;
/** Beyond the time for which a poll is held. */
const POLL_MARGIN_MS = 10_000;

/** `token` is read at every call: a file may have got a new one. */
export function createRunnerClient(http: HttpClient, coordinatorUrl: string, token: () => string | null): RunnerClient {
  const base = coordinatorUrl.replace(/\/+$/, "");
  const headers = (): Record<string, string> => {
    const value = token();
    return { "content-type": "application/json", ...(value === null ? {} : { authorization: `Bearer ${value}` }) };
  };
  const post = (path: string, body: unknown, signal?: AbortSignal): Promise<CallResult> =>
    call(http, {
      method: "POST",
      url: new URL(base + path),
      headers: headers(),
      body: JSON.stringify(body),
      timeoutMs: CALL_TIMEOUT_MS,
      ...(signal === undefined ? {} : { signal }),
    });

  return {
    register: async (body) => check(await post("/runner/register", body), registeredRunnerSchema),
    poll: async (query, waitMs, signal) => {
      const url = new URL(`${base}/runner/runs?${new URLSearchParams(query)}`);
      const timeoutMs = waitMs + POLL_MARGIN_MS;
      return check(await call(http, { method: "GET", url, headers: headers(), timeoutMs, signal }), pollAnswerSchema);
    },
    started: async (run, runnerId, instanceId) => {
      const { run_id, attempt, lease_token } = run;
      const body = { runner_id: runnerId, instance_id: instanceId, attempt, lease_token };
      return check(await post(`/runner/runs/${encodeURIComponent(run_id)}/started`, body), startedAnswerSchema);
    },
    heartbeat: async (body, signal) => check(await post("/runner/heartbeat", body, signal), heartbeatAnswerSchema),
    lost: ({ run_id, attempt, lease_token }, runnerId, instanceId, reason) =>
      post(`/runner/runs/${encodeURIComponent(run_id)}/lost`, {
        runner_id: runnerId,
        instance_id: instanceId,
        attempt,
        lease_token,
        reason,
      }),
    leave: (runnerId) =>
      call(http, {
        method: "DELETE",
        url: new URL(`${base}/runners/${encodeURIComponent(runnerId)}?self=true`),
        headers: headers(),
        timeoutMs: CALL_TIMEOUT_MS,
      }),
  };
}

function check<S extends z.ZodType>(result: CallResult, schema: S): Checked<z.infer<S>> {
  if (result.kind !== "ok") return result;
  const parsed = schema.safeParse(result.body);
  if (parsed.success) return { kind: "ok", body: parsed.data };
  return {
    kind: "retry",
    reason: `an answer that is not understood: ${parsed.error.message.slice(0, 300)}`,
    afterMs: null,
  };
}
