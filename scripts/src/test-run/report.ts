import { z } from "zod";

/** Where the reporter writes; set by the test command alone. */
export const REPORT_VARIABLE = "PARALLAX_TEST_REPORT";

/** The note of a test that passed only when it was tried again. */
export const RETRIED = "passed when it was tried again";

/** One run of vitest, as far as the count and the reasons need it. */
export const reportSchema = z.object({
  tests: z.array(
    z.object({
      project: z.string(),
      file: z.string(),
      name: z.string(),
      state: z.enum(["passed", "failed", "skipped"]),
      note: z.string().optional(),
    }),
  ),
  /** Errors outside of any test: a file that does not load, a rejection that nobody handled. */
  errors: z.array(z.string()),
});
export type TestReport = z.infer<typeof reportSchema>;
