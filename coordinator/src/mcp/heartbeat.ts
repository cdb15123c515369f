import type { ServerNotification } from "@modelcontextprotocol/sdk/types.js";

interface HeartbeatOptions {
  readonly everyMs: number;
  /** Given by clients that want to hear of progress; without one the stream's comments alone keep the connection alive. */
  readonly token: string | number | undefined;
  readonly message: string;
  readonly send: (notification: ServerNotification) => Promise<void>;
}

/** Clients count silence, and comments in the stream are silence to some: progress is told at once and then regularly. */
export function startHeartbeat({ everyMs, token, message, send }: HeartbeatOptions): () => void {
  if (token === undefined) return () => undefined;
  let beats = 0;
  const beat = (): void => {
    beats += 1;
    // a connection that is gone ends the wait by its signal
    send({ method: "notifications/progress", params: { progressToken: token, progress: beats, message } }).catch(
      () => undefined,
    );
  };
  beat();
  const timer = setInterval(beat, everyMs);
  return () => clearInterval(timer);
}
