import type { ErrorCode } from "../errors.ts";
import { isErrorCode, ParallaxError } from "../errors.ts";

/** Codes for answers that bring none of ours: a proxy, an older coordinator, or a plain string in `detail`. */
const CODE_OF_STATUS: Readonly<Record<number, ErrorCode>> = {
  400: "invalid_request",
  401: "unauthorized",
  403: "forbidden",
  404: "not_found",
  405: "method_not_allowed",
  413: "body_too_large",
  422: "invalid_request",
  429: "rate_limited",
  502: "coordinator_unreachable",
  503: "store_unavailable",
  504: "coordinator_unreachable",
};

const TEXT_CHARS_MAX = 500;

/** The server's code, message, hint and facts; never throws. */
export async function readErrorAnswer(response: Response): Promise<ParallaxError> {
  const text = await response.text().catch(() => "");
  const detail = detailOf(text);
  const fallback = CODE_OF_STATUS[response.status] ?? (response.status >= 500 ? "internal" : "invalid_request");
  if (typeof detail !== "object" || detail === null) {
    const message = typeof detail === "string" ? detail : text.slice(0, TEXT_CHARS_MAX);
    return new ParallaxError(fallback, message || `HTTP ${response.status}`, {
      details: { http_status: response.status },
    });
  }
  const { code, message, hint, ...facts } = detail as Record<string, unknown>;
  return new ParallaxError(
    isErrorCode(code) ? code : fallback,
    typeof message === "string" ? message : `HTTP ${response.status}`,
    {
      ...(typeof hint === "string" ? { hint } : {}),
      details: { ...facts, http_status: response.status, ...(isErrorCode(code) ? {} : { code }) },
    },
  );
}

function detailOf(text: string): unknown {
  try {
    return (JSON.parse(text) as { detail?: unknown } | null)?.detail;
  } catch {
    return undefined;
  }
}
