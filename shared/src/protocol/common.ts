import { z } from "zod";

/** Ids may be chosen by clients for sessions; everything else is ours. Safe in paths, file names, headers and logs. */
export const ID_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_.-]{0,99}$/;
export const idSchema = z
  .string()
  .regex(ID_PATTERN, "1–100 characters of A–Z a–z 0–9 _ . -, beginning with a letter or digit");

/** Names of blueprints, executors, labels and MCP servers. */
export const NAME_PATTERN = /^[A-Za-z0-9][A-Za-z0-9_-]{0,59}$/;
export const nameSchema = z
  .string()
  .regex(NAME_PATTERN, "1–60 characters of A–Z a–z 0–9 _ -, beginning with a letter or digit");

/** Postgres text cannot hold NUL; refusing it here keeps it a 422 instead of a 500. Lone surrogates cannot be stored either. */
export const textSchema = z
  .string()
  .refine((value) => !value.includes("\u0000"), "must not contain NUL")
  .refine((value) => value.isWellFormed(), "must be well-formed Unicode");

export const pathSchema = textSchema
  .min(1)
  .max(4096)
  .refine((value) => value.startsWith("/"), "must be an absolute path");

/** JSON objects from outside: any depth up to the body check's, no NUL in strings (checked where the body is read). */
export const jsonObjectSchema = z.record(z.string(), z.unknown());

export const timestampSchema = z.string().describe("ISO 8601 in UTC, Postgres's clock.");
export const nullableTimestampSchema = timestampSchema.nullable();

export const errorBodySchema = z.object({
  detail: z
    .object({
      code: z.string().describe("Stable code to branch on."),
      message: z.string().describe("For people; may change."),
      hint: z.string().optional().describe("What to do about it."),
    })
    .catchall(z.unknown()),
});
export type ErrorBody = z.infer<typeof errorBodySchema>;

export const cursorQueryShape = {
  cursor: z.string().max(200).optional().describe("Opaque; from the previous page's next_cursor."),
  limit: z.coerce.number().int().min(1).max(500).optional().describe("Items per page, 1–500, default 100."),
};

export const okSchema = z.object({ ok: z.literal(true) });
