import type { RunnerDeps } from "../deps.ts";
import { killByMarker } from "../supervisor/process-tree/kill-by-marker.ts";
import { goneWithin } from "../supervisor/stop-agent.ts";
import type { AttemptSpec } from "./attempt-spec.ts";
import { type ControlLink, connectControl } from "./control-link.ts";
import type { SupervisorStatus } from "./control-protocol.ts";
import { findHostAttempts, type HostAttempt } from "./find-host-attempts.ts";
import { type LiveAttempt, LiveAttempts } from "./live-attempts.ts";

const GONE_WITHIN_MS = 10_000;
const ANSWERS_WITHIN_MS = 2_000;
const LOOPBACK_NAMES: ReadonlySet<string> = new Set(["127.0.0.1", "[::1]", "localhost"]);

/** What is left on this host of a session's earlier runs and attempts, whichever runner of this user began it. */
export interface OlderTrees {
  readonly count: number;
  /** Only when the coordinator has said, after they were found, that the new attempt is the newest: then these are older. */
  end(): Promise<void>;
}

/**
 * A session has one writer. The coordinator offers the next run of a session only when the one before is over for it; what is left
 * of that here, because its supervisor was cut off, ends before the next one starts.
 */
export async function findOlderTrees(deps: RunnerDeps, attempt: LiveAttempt): Promise<OlderTrees> {
  const own = deps.attempts.list();
  const older = own
    .filter((other) => other !== attempt && isSameSession(other.spec, attempt.spec))
    .filter((other) => other.phase !== "uploading" && other.phase !== "left");
  const ownKeys = new Set(own.map(({ spec }) => LiveAttempts.keyOf(spec)));
  const foreign = (await findHostAttempts()).filter(
    ({ spec }) => !ownKeys.has(LiveAttempts.keyOf(spec)) && isSameSession(spec, attempt.spec),
  );
  return {
    count: older.length + foreign.length,
    end: async () => {
      await Promise.all([
        ...older.map((other) => endTree(deps, other.spec, other.link)),
        ...foreign.map((other) => endForeign(deps, other)),
      ]);
    },
  };
}

/** Session ids may be chosen, so two projects, or two coordinators, may have the same one. */
function isSameSession(a: AttemptSpec, b: AttemptSpec): boolean {
  return (
    a.run.session_id === b.run.session_id &&
    a.run.project_id === b.run.project_id &&
    nameOf(a.coordinatorUrl) === nameOf(b.coordinatorUrl)
  );
}

function nameOf(coordinatorUrl: string): string {
  const url = new URL(coordinatorUrl);
  return LOOPBACK_NAMES.has(url.hostname) ? `loopback:${url.port}` : url.host;
}

/** Another runner's: asked first, since one that only sends the rest of its log is to be left alone. */
async function endForeign(deps: RunnerDeps, { spec, files }: HostAttempt): Promise<void> {
  const { promise: answered, resolve: onStatus } = Promise.withResolvers<void>();
  let status: SupervisorStatus | null = null;
  const link = await connectControl(spec, files, (said) => {
    status = said;
    onStatus();
  });
  try {
    if (link !== null) await goneWithin(Promise.race([answered, link.ended]), ANSWERS_WITHIN_MS);
    const { phase } = (status as SupervisorStatus | null) ?? {};
    if (phase !== "uploading" && phase !== "left") await endTree(deps, spec, link);
  } finally {
    link?.close();
  }
}

async function endTree(deps: RunnerDeps, spec: AttemptSpec, link: ControlLink | null): Promise<void> {
  const { run_id, attempt } = spec.run;
  deps.log.warn({ runId: run_id, attempt }, "An older attempt of the session is ended");
  link?.send({ command: "end_tree", reason: "a newer run of the session starts on this host" });
  if (link !== null) await goneWithin(link.ended, GONE_WITHIN_MS);
  await killByMarker(spec.marker);
}
