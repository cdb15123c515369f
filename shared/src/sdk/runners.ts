import type { z } from "zod";
import type { Runner, runnersSchema } from "../protocol/runners.ts";
import type { CallOptions, Transport } from "./transport.ts";

export interface RunnersApi {
  list(options?: CallOptions): Promise<Runner[]>;
  /** Lets its runs finish and gives it no more. */
  drain(runnerId: string, options?: CallOptions): Promise<void>;
  delete(runnerId: string, options?: CallOptions): Promise<void>;
}

export function createRunnersApi(transport: Transport): RunnersApi {
  const path = (runnerId: string, rest = "") => `/runners/${encodeURIComponent(runnerId)}${rest}`;
  return {
    list: async (options = {}) =>
      (await transport.json<z.infer<typeof runnersSchema>>("GET", "/runners", options)).runners,
    drain: async (runnerId, options = {}) =>
      void (await transport.json("POST", path(runnerId, "/drain"), { ...options, body: {} })),
    delete: async (runnerId, options = {}) => void (await transport.json("DELETE", path(runnerId), options)),
  };
}
