import { ERROR_TABLE, isParallaxError, ParallaxError } from "@parallax/shared/errors";
import type { ErrorBody } from "@parallax/shared/protocol/common";
import type { Context } from "hono";
import type { ContentfulStatusCode } from "hono/utils/http-status";
import type { Logger } from "pino";
import { isUnavailable } from "../store/failures.ts";

function errorBody(error: ParallaxError): ErrorBody {
  return {
    detail: {
      ...(error.details ?? {}),
      code: error.code,
      message: error.message,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  };
}

/** Every error leaves as {"detail": {code, message, hint?}}; what is not ours is logged in full and answered without its words. */
export function answerError(logger: Logger, error: unknown, context: Context): Response {
  const known = translate(error);
  if (known.code === "internal")
    logger.error({ err: error, method: context.req.method, path: context.req.path }, "request failed");
  const status = ERROR_TABLE[known.code].status as ContentfulStatusCode;
  if (ERROR_TABLE[known.code].retry === "later") context.header("retry-after", "1");
  if (status === 401) context.header("www-authenticate", "Bearer");
  return context.json(errorBody(known), status);
}

function translate(error: unknown): ParallaxError {
  if (isParallaxError(error)) return error;
  if (isUnavailable(error))
    return new ParallaxError("store_unavailable", "the database cannot be reached now", {
      hint: "repeat the request; with an Idempotency-Key a create is safe to repeat",
    });
  return new ParallaxError("internal", "something went wrong here; the coordinator's log has the details");
}
