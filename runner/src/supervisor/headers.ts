/**
 * The same names as in shared/protocol/attempts, whose module would load the schema library with them;
 * the literal types make a difference a type error.
 */
import type {
  CALL_HEADER as CallHeader,
  INCARNATION_HEADER as IncarnationHeader,
} from "@parallax/shared/protocol/attempts";

export const CALL_HEADER: typeof CallHeader = "x-parallax-call";
export const INCARNATION_HEADER: typeof IncarnationHeader = "x-parallax-incarnation";
