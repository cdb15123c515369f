import { ParallaxError } from "@parallax/shared/errors";
import {
  type Blueprint,
  blueprintSchema,
  blueprintStatusSchema,
  blueprintsSchema,
  createBlueprintSchema,
  updateBlueprintSchema,
} from "@parallax/shared/protocol/blueprints";
import { nameSchema, okSchema } from "@parallax/shared/protocol/common";
import { z } from "zod";
import { checkSchema } from "../../blueprints/check-parameters.ts";
import type { Deps } from "../../deps.ts";
import {
  deleteBlueprint,
  findBlueprint,
  insertBlueprint,
  listBlueprints,
  updateBlueprint,
} from "../../store/blueprints.ts";
import type { BlueprintRecord } from "../../store/records.ts";
import { type App, defineRoute } from "../define-route.ts";

const nameParams = z.object({ name: nameSchema });
const tagsQuery = z.object({
  tags: z.string().max(2000).optional().describe("Comma-separated; only blueprints that have all of them."),
});

const one = { tag: "agents", auth: "key", params: nameParams } as const;

function missing(name: string): ParallaxError {
  return new ParallaxError("blueprint_not_found", `no agent blueprint '${name}'`, { hint: "GET /agents lists them" });
}

export function addAgentRoutes(app: App, deps: Deps): void {
  addListRoute(app, deps);
  addWriteRoutes(app, deps);
  addReadRoute(app, deps);
  addChangeRoutes(app, deps);
  addDeleteRoute(app, deps);
}

function addListRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "get",
      path: "/agents",
      tag: "agents",
      auth: "key",
      summary: "List agent blueprints",
      query: tagsQuery,
      response: blueprintsSchema,
      errors: [],
    },
    async ({ query, caller }) => {
      const wanted = (query.tags ?? "").split(",").filter((tag) => tag !== "");
      const rows = await listBlueprints(deps.store.db, caller.projectId);
      return { agents: rows.filter((row) => wanted.every((tag) => row.tags.includes(tag))).map(viewBlueprint) };
    },
  );
}

function addWriteRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      method: "post",
      path: "/agents",
      tag: "agents",
      auth: "key",
      summary: "Create an agent blueprint",
      body: createBlueprintSchema,
      response: blueprintSchema,
      status: 201,
      errors: ["invalid_request", "blueprint_exists"],
    },
    async ({ body, caller }) => {
      const { name, ...fields } = body;
      const row = await insertBlueprint(deps.store.db, { projectId: caller.projectId, name, ...columnsOf(fields) });
      if (row === null)
        throw new ParallaxError("blueprint_exists", `agent blueprint '${name}' exists already`, {
          hint: "PATCH /agents/{name} changes it",
        });
      return viewBlueprint(row);
    },
  );
}

function addReadRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "get",
      path: "/agents/{name}",
      summary: "Read an agent blueprint",
      response: blueprintSchema,
      errors: ["blueprint_not_found"],
    },
    async ({ params, caller }) => {
      const row = await findBlueprint(deps.store.db, caller.projectId, params.name);
      if (row === null) throw missing(params.name);
      return viewBlueprint(row);
    },
  );
}

function addChangeRoutes(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "patch",
      path: "/agents/{name}",
      summary: "Change an agent blueprint; runs that exist keep what they began with",
      body: updateBlueprintSchema,
      response: blueprintSchema,
      errors: ["blueprint_not_found", "invalid_request"],
    },
    async ({ params, body, caller }) => {
      const row = await updateBlueprint(deps.store.db, caller.projectId, params.name, columnsOf(body));
      if (row === null) throw missing(params.name);
      return viewBlueprint(row);
    },
  );

  defineRoute(
    app,
    {
      ...one,
      method: "patch",
      path: "/agents/{name}/status",
      summary: "Activate or deactivate an agent blueprint",
      body: blueprintStatusSchema,
      response: blueprintSchema,
      errors: ["blueprint_not_found"],
    },
    async ({ params, body, caller }) => {
      const row = await updateBlueprint(deps.store.db, caller.projectId, params.name, { status: body.status });
      if (row === null) throw missing(params.name);
      return viewBlueprint(row);
    },
  );
}

function addDeleteRoute(app: App, deps: Deps): void {
  defineRoute(
    app,
    {
      ...one,
      method: "delete",
      path: "/agents/{name}",
      summary: "Delete an agent blueprint",
      response: okSchema,
      errors: ["blueprint_not_found"],
    },
    async ({ params, caller }) => {
      if (!(await deleteBlueprint(deps.store.db, caller.projectId, params.name))) throw missing(params.name);
      return { ok: true as const };
    },
  );
}

function columnsOf(fields: z.output<typeof updateBlueprintSchema>) {
  if (fields.parameters_schema !== undefined) checkSchema(fields.parameters_schema);
  for (const [server, config] of Object.entries(fields.mcp_servers ?? {})) {
    const target = config.type === "http" ? config.url : config.command;
    if (target === undefined)
      throw new ParallaxError(
        "invalid_request",
        `body.mcp_servers.${server}: ${config.type} needs ${config.type === "http" ? "url" : "command"}`,
      );
  }
  return {
    ...(fields.description === undefined ? {} : { description: fields.description }),
    ...(fields.status === undefined ? {} : { status: fields.status }),
    ...(fields.system_prompt === undefined ? {} : { systemPrompt: fields.system_prompt }),
    ...(fields.mcp_servers === undefined ? {} : { mcpServers: fields.mcp_servers }),
    ...(fields.executor === undefined ? {} : { executor: fields.executor }),
    ...(fields.executor_config === undefined ? {} : { executorConfig: fields.executor_config }),
    ...(fields.runtime === undefined ? {} : { runtime: fields.runtime }),
    ...(fields.parameters_schema === undefined ? {} : { parametersSchema: fields.parameters_schema }),
    ...(fields.tags === undefined ? {} : { tags: fields.tags }),
    ...(fields.demands === undefined ? {} : { demands: fields.demands }),
  };
}

function viewBlueprint(row: BlueprintRecord): Blueprint {
  return {
    name: row.name,
    description: row.description,
    status: row.status,
    system_prompt: row.systemPrompt,
    mcp_servers: row.mcpServers,
    executor: row.executor,
    executor_config: row.executorConfig,
    runtime: row.runtime,
    parameters_schema: row.parametersSchema,
    tags: row.tags,
    demands: row.demands,
    created_at: row.createdAt.toISOString(),
    modified_at: row.modifiedAt.toISOString(),
  };
}
