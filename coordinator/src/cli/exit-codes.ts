/** What the exit code says; `parallax help` prints this table. */
import { isParallaxError } from "@parallax/shared/errors";

export const EXIT_CODES = {
  ok: 0,
  failed: 1,
  usage: 2,
  unreachable: 3,
  notFound: 4,
  notAllowed: 5,
  refused: 6,
  timedOut: 7,
  serverError: 8,
  setUp: 9,
  interrupted: 130,
} as const;

export const EXIT_CODE_MEANINGS: Readonly<Record<keyof typeof EXIT_CODES, string>> = {
  ok: "done; a run that was waited for has completed",
  failed: "the run that was waited for has failed or was stopped; doctor: something needs fixing",
  usage: "the command line is wrong",
  unreachable: "no coordinator answers",
  notFound: "there is no such run, session, runner or agent",
  notAllowed: "the key is missing, wrong or not sufficient",
  refused: "the coordinator refused the request (conflict, bad input)",
  timedOut: "the time limit of waiting is over",
  serverError: "the coordinator failed",
  setUp: "this host cannot start it (port or data directory in use, something missing)",
  interrupted: "Ctrl-C",
};

export class UsageError extends Error {}

export function exitCodeOf(error: unknown): number {
  if (error instanceof UsageError) return EXIT_CODES.usage;
  if (!isParallaxError(error)) return EXIT_CODES.serverError;
  if (error.code === "coordinator_unreachable") return EXIT_CODES.unreachable;
  if (error.code === "timeout") return EXIT_CODES.timedOut;
  if (SET_UP_CODES.has(error.code)) return EXIT_CODES.setUp;
  if (error.status === 404) return EXIT_CODES.notFound;
  if (error.status === 401 || error.status === 403) return EXIT_CODES.notAllowed;
  return error.status < 500 ? EXIT_CODES.refused : EXIT_CODES.serverError;
}

const SET_UP_CODES: ReadonlySet<string> = new Set([
  "config_invalid",
  "data_dir_in_use",
  "data_dir_unusable",
  "embedded_start_failed",
  "executor_not_found",
  "executor_unknown",
  "spawn_failed",
]);
