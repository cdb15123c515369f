/** What the CLI heard about the account's usage limits. */
import type { Reading } from "@parallax/shared/executor/adapter";
import type { Evidence } from "./evidence.ts";
import type { Fields } from "./json-fields.ts";
import { asFields, asNumber, asText, present } from "./json-fields.ts";
import { isoOfSeconds } from "./read-assistant.ts";

export function readRateLimit(fields: Fields, evidence: Evidence): Reading {
  const info = asFields(fields["rate_limit_info"]);
  const seconds = asNumber(info["resetsAt"]);
  const resetsAt = seconds === null ? null : isoOfSeconds(seconds);
  const status = asText(info["status"]);
  evidence.limited = status === "rejected";
  if (resetsAt !== null) evidence.limitResetsAt = resetsAt;
  const data = present({
    status,
    resets_at: resetsAt,
    limit: asText(info["rateLimitType"]),
    utilization: asNumber(info["utilization"]),
  });
  return { events: [{ type: "limit", data }], signals: [] };
}
