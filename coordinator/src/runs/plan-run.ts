import { ParallaxError } from "@parallax/shared/errors";
import type { CreateRun, ExecutionMode } from "@parallax/shared/protocol/runs";
import { checkParameters } from "../blueprints/check-parameters.ts";
import { fillPlaceholders } from "../blueprints/fill-placeholders.ts";
import { findBlueprint } from "../store/blueprints.ts";
import type { BlueprintRecord, NewRun, StoredBlueprint, StoredDemands } from "../store/records.ts";
import type { Tx } from "../store/store.ts";
import type { Author } from "./create-run.ts";
import type { Place } from "./place-in-tree.ts";
import { refuseUnsupported } from "./refuse-unsupported.ts";

/** Everything about a run that is decided when it is made: its blueprint resolved, its parameters judged, what it inherits filled in. */
export interface Plan {
  readonly agentName: string | null;
  readonly executor: string;
  readonly executorConfig: Record<string, unknown>;
  readonly runtime: "local" | "docker" | "kubernetes";
  readonly mode: "headless" | "interactive";
  readonly projectDir: string | null;
  readonly portable: boolean;
  readonly prompt: string;
  readonly parameters: Record<string, unknown>;
  readonly blueprint: StoredBlueprint | null;
  readonly env: Record<string, string>;
  readonly resources: NonNullable<NewRun["resources"]>;
  readonly scope: Record<string, unknown>;
  readonly demands: StoredDemands;
  readonly executionMode: ExecutionMode;
  readonly onLost: "resume" | "restart" | "fail";
}

const DEFAULT_EXECUTOR = "claude-code";

export async function planRun(tx: Tx, author: Author, request: CreateRun, place: Place): Promise<Plan> {
  refuseUnsupported(request);
  const { previous, inherited } = place;
  const agentName = request.agent_name ?? previous?.agentName ?? null;
  const blueprint =
    agentName === null
      ? null
      : await requireBlueprint(tx, author.projectId, agentName, previous !== null && request.agent_name === undefined);
  const parameters = {
    ...(request.parameters ?? {}),
    ...(request.prompt === undefined ? {} : { prompt: request.prompt }),
  };
  const prompt = checkParameters(blueprint, parameters, request.type, agentName);
  const scope = { ...(previous?.scope ?? inherited?.scope ?? {}), ...(request.scope ?? {}) };
  const executor =
    request.executor ?? previous?.executor ?? blueprint?.executor ?? inherited?.executor ?? DEFAULT_EXECUTOR;
  // a resume is the same conversation: its agent cannot become another program
  if (previous !== null && executor !== previous.executor) {
    throw new ParallaxError(
      "unsupported_option",
      `session '${place.sessionId}' runs on executor ${previous.executor} and cannot change it`,
      { details: { field: "executor" } },
    );
  }
  const sameExecutor = inherited?.executor === executor;
  return {
    agentName,
    executor,
    executorConfig: {
      ...(sameExecutor && blueprint === null ? inherited.executorConfig : {}),
      ...(blueprint?.executorConfig ?? {}),
      ...(previous?.executorConfig ?? {}),
      ...(request.executor_config ?? {}),
    },
    runtime: request.runtime ?? previous?.runtime ?? blueprint?.runtime ?? inherited?.runtime ?? "local",
    mode: request.mode ?? previous?.mode ?? "headless",
    projectDir: request.project_dir ?? previous?.projectDir ?? inherited?.projectDir ?? null,
    portable: request.portable ?? previous?.portable ?? false,
    prompt,
    parameters,
    // a session whose blueprint was deleted or changed goes on with what it began with
    blueprint:
      blueprint === null
        ? (previous?.blueprint ?? null)
        : resolve(blueprint, { parameters, scope, sessionId: place.sessionId }),
    env: { ...(previous?.env ?? {}), ...(request.env ?? {}) },
    resources: { ...(previous?.resources ?? {}), ...(request.resources ?? {}) },
    scope,
    demands: blueprint?.demands ?? {},
    executionMode:
      request.execution_mode ??
      (request.callback === true
        ? "async_callback"
        : request.parent_session_id !== undefined && request.callback === false
          ? "async_poll"
          : "sync"),
    onLost: request.on_lost ?? previous?.onLost ?? "resume",
  };
}

async function requireBlueprint(
  tx: Tx,
  projectId: string,
  name: string,
  mayBeGone: boolean,
): Promise<BlueprintRecord | null> {
  const blueprint = await findBlueprint(tx, projectId, name);
  if (blueprint === null) {
    if (mayBeGone) return null;
    throw new ParallaxError("blueprint_not_found", `no agent blueprint '${name}'`, { hint: "GET /agents lists them" });
  }
  if (blueprint.status === "inactive" && !mayBeGone)
    throw new ParallaxError("blueprint_inactive", `agent blueprint '${name}' is inactive`);
  return blueprint;
}

function resolve(
  blueprint: BlueprintRecord,
  values: { parameters: Record<string, unknown>; scope: Record<string, unknown>; sessionId: string },
): StoredBlueprint {
  const fill = <T>(value: T): T =>
    fillPlaceholders(value, {
      params: values.parameters,
      scope: values.scope,
      runtime: { session_id: values.sessionId },
    });
  return { name: blueprint.name, system_prompt: fill(blueprint.systemPrompt), mcp_servers: fill(blueprint.mcpServers) };
}
