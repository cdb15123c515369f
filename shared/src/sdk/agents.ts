import type { z } from "zod";
import type { Blueprint, blueprintsSchema, CreateBlueprint, updateBlueprintSchema } from "../protocol/blueprints.ts";
import type { CallOptions, Transport } from "./transport.ts";
import { unwrap } from "./unwrap.ts";

export type UpdateBlueprint = z.infer<typeof updateBlueprintSchema>;

/** Blueprints: the resolved definitions of agents. */
export interface AgentsApi {
  list(options?: CallOptions): Promise<Blueprint[]>;
  get(name: string, options?: CallOptions): Promise<Blueprint>;
  create(blueprint: CreateBlueprint, options?: CallOptions): Promise<Blueprint>;
  update(name: string, changes: UpdateBlueprint, options?: CallOptions): Promise<Blueprint>;
  setStatus(name: string, status: Blueprint["status"], options?: CallOptions): Promise<Blueprint>;
  delete(name: string, options?: CallOptions): Promise<void>;
}

export function createAgentsApi(transport: Transport): AgentsApi {
  const path = (name: string, rest = "") => `/agents/${encodeURIComponent(name)}${rest}`;
  const call = async (method: string, to: string, body: unknown, options: CallOptions = {}) =>
    unwrap<Blueprint>(await transport.json(method, to, { ...options, body }), "agent");
  return {
    list: async (options = {}) => {
      const answer = await transport.json<z.infer<typeof blueprintsSchema> | Blueprint[]>("GET", "/agents", options);
      return Array.isArray(answer) ? answer : answer.agents;
    },
    get: (name, options) => call("GET", path(name), undefined, options),
    create: (blueprint, options) => call("POST", "/agents", blueprint, options),
    update: (name, changes, options) => call("PATCH", path(name), changes, options),
    setStatus: (name, status, options) => call("PATCH", path(name, "/status"), { status }, options),
    delete: async (name, options = {}) => void (await transport.json("DELETE", path(name), options)),
  };
}
