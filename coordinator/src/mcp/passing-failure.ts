import { isParallaxError } from "@parallax/shared/errors";
import { isUnavailable } from "../store/failures.ts";

/** A failure that says nothing about the call: the same call may be answered a moment later. */
export function isPassing(error: unknown): boolean {
  return isUnavailable(error) || (isParallaxError(error) && error.retry === "later" && error.code !== "internal");
}
