import { z } from "zod";
import { jsonObjectSchema, nameSchema, textSchema, timestampSchema } from "./common.ts";
import { demandsSchema, runtimeSchema } from "./runs.ts";

export const mcpServerSchema = z.strictObject({
  type: z.enum(["http", "stdio"]),
  url: textSchema.max(2000).optional(),
  headers: z.record(z.string().max(200), textSchema.max(8000)).optional(),
  command: textSchema.max(4096).optional(),
  args: z.array(textSchema.max(8192)).max(100).optional(),
  env: z.record(z.string().max(200), textSchema.max(32_768)).optional(),
});

const fields = {
  description: textSchema.max(2000).optional(),
  status: z.enum(["active", "inactive"]).optional(),
  system_prompt: textSchema.max(500_000).optional().describe("Placeholders are filled when a run is made."),
  mcp_servers: z.record(nameSchema, mcpServerSchema).optional(),
  executor: nameSchema.optional(),
  executor_config: jsonObjectSchema.optional(),
  runtime: runtimeSchema.optional(),
  parameters_schema: jsonObjectSchema
    .optional()
    .describe("JSON Schema of the run's parameters; none means exactly {prompt}."),
  tags: z.array(nameSchema).max(50).optional(),
  demands: demandsSchema.optional(),
};

export const createBlueprintSchema = z.strictObject({ name: nameSchema, ...fields });
export type CreateBlueprint = z.infer<typeof createBlueprintSchema>;
export const updateBlueprintSchema = z.strictObject(fields);
export const blueprintSchema = z.object({
  name: z.string(),
  description: z.string(),
  status: z.enum(["active", "inactive"]),
  system_prompt: z.string().nullable(),
  mcp_servers: z.record(z.string(), mcpServerSchema),
  executor: z.string().nullable(),
  executor_config: jsonObjectSchema,
  runtime: z.string().nullable(),
  parameters_schema: jsonObjectSchema.nullable(),
  tags: z.array(z.string()),
  demands: demandsSchema,
  created_at: timestampSchema,
  modified_at: timestampSchema,
});
export type Blueprint = z.infer<typeof blueprintSchema>;
export const blueprintsSchema = z.object({ agents: z.array(blueprintSchema) });
export const blueprintStatusSchema = z.strictObject({ status: z.enum(["active", "inactive"]) });
