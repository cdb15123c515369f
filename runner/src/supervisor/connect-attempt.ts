import type { Clock } from "@parallax/shared/clock";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";
import type { AttemptFiles } from "../attempts/attempt-files.ts";
import type { AttemptSpec } from "../attempts/attempt-spec.ts";
import type { AttemptClient } from "./attempt-client.ts";
import type { AttemptLog } from "./attempt-log.ts";
import type { AttemptOver } from "./attempt-over.ts";
import { followDirectives } from "./follow-directives.ts";
import { holdLease, type LeaseHolder } from "./hold-lease.ts";
import type { AcceptedHello } from "./say-hello.ts";
import { FrameSender } from "./send-frames.ts";
import { isDiskFull, releaseReserve, takeReserve } from "./spool/reserve.ts";
import { openSpool, type Spool } from "./spool/spool.ts";
import { createStateCalls, type StateCalls } from "./state-calls.ts";
import { goneWithin, type StopRequests } from "./stop-agent.ts";
import { createWakeUp } from "./wake-up.ts";

export interface ConnectDeps {
  readonly spec: AttemptSpec;
  readonly files: AttemptFiles;
  readonly clock: Clock;
  readonly log: AttemptLog;
  readonly client: AttemptClient;
  readonly incarnation: string;
  readonly over: AttemptOver;
  readonly stops: StopRequests;
}

/** Everything that keeps an attempt in touch with the coordinator: lease, log, directives, state. */
export interface Connection {
  readonly client: AttemptClient;
  readonly lease: LeaseHolder;
  readonly spool: Spool;
  readonly sender: FrameSender;
  readonly state: StateCalls;
  /** After an acknowledged completion: sends what is left of the log, for at most `ms`. */
  finishLog(ms: number): Promise<void>;
  close(): Promise<void>;
}

export async function connectAttempt(deps: ConnectDeps, hello: AcceptedHello): Promise<Connection> {
  const { spec, over, stops, log, client, clock, incarnation } = deps;
  const wakeUp = createWakeUp();
  const onOver = (code: string, message: string): void => over.end({ kind: "superseded", code, message });
  const stopped = new AbortController();
  const signal = AbortSignal.any([stopped.signal, over.signal]);

  const limits = { eventBytesMax: DEFAULT_LIMITS.eventBytesMax, outputBytesMax: spec.timing.outputBytesMax };
  const onDiskFull = async (): Promise<void> => {
    await releaseReserve(deps.files.reserve);
    const reason = "there is no room left on the disk of the runner's state directory";
    log.error({}, "the disk is full, the agent is ended");
    spool.append({ type: "error", data: { code: "disk_full", message: reason } });
    stops.request({ kind: "disk_full", reason });
  };
  const spool = await openSpool(deps.files.frames, limits, {
    clock,
    onAppend: wakeUp.wake,
    onDiskError: (error) => log.error({ err: String(error) }, "the log could not be written"),
    onDiskFull,
  });
  await takeReserve(deps.files.reserve).catch(async (error: unknown) => {
    log.error({ err: String(error) }, "no room could be kept free for the end of the run");
    if (isDiskFull(error)) await onDiskFull();
  });
  const { frozenKillAfterMs } = spec.timing;
  const lease = holdLease(
    { clock, log },
    { ...hello, frozenKillAfterMs },
    {
      onFreeze: () => {
        log.warn({}, "no contact to the coordinator, the agent is frozen");
        spool.append({ type: "status", data: { status: "frozen", reason: "no contact to the coordinator" } });
        sender.renewNow();
      },
      onThaw: () => {
        log.info({}, "the attempt is still ours, the agent goes on");
        spool.append({ type: "status", data: { status: "thawed" } });
      },
      onGiveUp: () =>
        over.end({ kind: "given_up", code: "lost", message: "cut off from the coordinator for too long" }),
    },
  );
  const directives = followDirectives({
    client,
    incarnation,
    stops,
    onAcknowledge: wakeUp.wake,
    onOver,
    holdMs: DEFAULT_LIMITS.pollHoldMs,
  });
  const sender = new FrameSender({
    clock,
    log,
    client,
    spool,
    incarnation,
    wakeUp,
    renewEveryMs: () => lease.renewEveryMs,
    acknowledgements: directives,
    onAnswer: (sentAt, answer) => {
      lease.renewed(sentAt, answer);
      directives.obey(answer);
    },
    onOver,
    limits: DEFAULT_LIMITS,
  });
  directives.obey(hello.answer);
  const sending = sender.run(signal);
  const following = directives.run(signal);
  return {
    client,
    lease,
    spool,
    sender,
    state: createStateCalls({ client, log, incarnation, signal, onOver }, spec.run.executor_session_id),
    finishLog: async (ms) => {
      sender.finish();
      await goneWithin(sending, ms);
    },
    close: async () => {
      lease.close();
      stopped.abort();
      await Promise.all([sending, following]);
      await spool.close();
    },
  };
}
