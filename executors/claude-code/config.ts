/** The settings a run may give in `executor_config`. */
import { ParallaxError } from "@parallax/shared/errors";
import { z } from "zod";

/** Every string ends up as an argument of the CLI, where a leading dash would make it an option. */
const argument = z
  .string()
  .min(1)
  .max(1_000)
  .regex(/^[^-\0][^\0]*$/, "must not begin with a dash");

const PERMISSION_MODES = ["default", "manual", "acceptEdits", "auto", "plan", "dontAsk", "bypassPermissions"] as const;

const configSchema = z.strictObject({
  model: argument.optional(),
  permission_mode: z.enum(PERMISSION_MODES).default("acceptEdits"),
  allowed_tools: z.array(argument).max(200).default([]),
  disallowed_tools: z.array(argument).max(200).default([]),
  append_system_prompt: z.string().max(200_000).optional(),
  max_turns: z.int().min(1).max(10_000).optional(),
  max_budget_usd: z.number().positive().max(1_000_000).optional(),
  max_retries: z.int().min(0).max(100).optional(),
  strict_mcp: z.boolean().default(false),
});

export type ClaudeConfig = z.infer<typeof configSchema>;

const KNOWN_KEYS = Object.keys(configSchema.shape).toSorted().join(", ");

/** Refuses what it does not know: a misspelt setting must not be ignored. */
export function parseConfig(config: Readonly<Record<string, unknown>>): ClaudeConfig {
  const parsed = configSchema.safeParse(config);
  if (parsed.success) return parsed.data;
  const faults = parsed.error.issues.map((issue) => {
    const where = ["executor_config", ...issue.path.map(String)].join(".");
    return `${where}: ${issue.message}`;
  });
  throw new ParallaxError(
    "executor_config_invalid",
    `claude-code cannot use this configuration: ${faults.join("; ")}`,
    {
      hint: `Known keys are ${KNOWN_KEYS}.`,
    },
  );
}
