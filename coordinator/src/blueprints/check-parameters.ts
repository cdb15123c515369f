import { runInNewContext } from "node:vm";
import { ParallaxError } from "@parallax/shared/errors";
import { Ajv, type ErrorObject, type ValidateFunction } from "ajv";
import type { BlueprintRecord } from "../store/records.ts";

const VALIDATION_MS_MAX = 250;
const ERRORS_MAX = 20;

/**
 * Judges a run's parameters and makes the prompt the agent reads. A blueprint with a schema takes exactly what the schema says; without
 * one, and on every resume, the parameters are exactly {prompt}.
 */
export function checkParameters(
  blueprint: BlueprintRecord | null,
  parameters: Record<string, unknown>,
  type: "start_session" | "resume_session",
  agentName: string | null,
): string {
  const schema = type === "start_session" ? (blueprint?.parametersSchema ?? null) : null;
  if (schema === null) return checkPromptOnly(parameters, agentName);
  const validate = compile(schema);
  if (!validateWithin(validate, parameters)) {
    throw new ParallaxError(
      "parameter_validation_failed",
      `the parameters do not match the schema of '${agentName ?? ""}'`,
      {
        details: {
          agent_name: agentName,
          validation_errors: (validate.errors ?? []).slice(0, ERRORS_MAX).map((error: ErrorObject) => ({
            path: `$${error.instancePath.replaceAll("/", ".")}`,
            message: error.message ?? "",
            schema_path: error.schemaPath,
          })),
          parameters_schema: schema,
        },
      },
    );
  }
  const own = Object.keys(parameters);
  if (own.length === 1 && typeof parameters["prompt"] === "string") return parameters["prompt"];
  const lines = own.map(
    (key) => `${key}: ${typeof parameters[key] === "string" ? parameters[key] : JSON.stringify(parameters[key])}`,
  );
  return `<inputs>\n${lines.join("\n")}\n</inputs>`;
}

function checkPromptOnly(parameters: Record<string, unknown>, agentName: string | null): string {
  const prompt = parameters["prompt"];
  const extra = Object.keys(parameters).filter((key) => key !== "prompt");
  if (typeof prompt === "string" && prompt.trim() !== "" && extra.length === 0) return prompt;
  const errors = [
    ...(typeof prompt === "string" && prompt.trim() !== ""
      ? []
      : [{ path: "$.prompt", message: "must be a non-empty string", schema_path: "#/properties/prompt" }]),
    ...extra.map((key) => ({ path: `$.${key}`, message: "is not a parameter", schema_path: "#/additionalProperties" })),
  ];
  throw new ParallaxError("parameter_validation_failed", "the parameters must be exactly {prompt}", {
    details: {
      agent_name: agentName,
      validation_errors: errors,
      parameters_schema: {
        type: "object",
        required: ["prompt"],
        properties: { prompt: { type: "string", minLength: 1 } },
        additionalProperties: false,
      },
    },
  });
}

/** A schema's patterns are somebody's input: one that backtracks without end must not hold this process, and its timeout is the caller's error. */
function validateWithin(validate: ValidateFunction, parameters: Record<string, unknown>): boolean {
  try {
    return runInNewContext("judge()", { judge: () => validate(parameters) }, { timeout: VALIDATION_MS_MAX }) as boolean;
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ERR_SCRIPT_EXECUTION_TIMEOUT") throw error;
    throw new ParallaxError(
      "parameter_validation_failed",
      `the parameters could not be judged within ${VALIDATION_MS_MAX} ms`,
      {
        hint: "a pattern of the blueprint's parameters_schema takes too long for these values; write it without nested repetition",
      },
    );
  }
}

/** Refuses a schema that cannot be used, when the blueprint is written. */
export function checkSchema(schema: Record<string, unknown>): void {
  compile(schema);
}

function compile(schema: Record<string, unknown>) {
  try {
    return new Ajv({ allErrors: true, strict: false, validateSchema: false }).compile(schema);
  } catch (error) {
    throw new ParallaxError(
      "invalid_request",
      `parameters_schema is not a usable JSON Schema: ${(error as Error).message}`,
      { details: { field: "parameters_schema" } },
    );
  }
}
