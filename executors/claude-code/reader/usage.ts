/** Tokens and cost, from the CLI's words into ours. */
import type { Fields } from "./json-fields.ts";
import { asFields, asNumber } from "./json-fields.ts";

const TOKEN_KEYS = {
  input_tokens: "inputTokens",
  output_tokens: "outputTokens",
  cache_creation_input_tokens: "cacheCreationInputTokens",
  cache_read_input_tokens: "cacheReadInputTokens",
} as const;

type TokenKey = keyof typeof TOKEN_KEYS;
const TOKEN_NAMES = Object.keys(TOKEN_KEYS) as TokenKey[];

/**
 * The usage since the previous result line. The CLI's totals are no help: they go on from process to process of a conversation, so
 * adding them up would bill every turn again and again.
 */
export function usageOfResult(result: Fields): Fields {
  const perModel = result["model_usage_since_last_result"];
  if (typeof perModel !== "object" || perModel === null) return usageOfTurn(result);
  const models = new Map<string, Fields>();
  const total = emptyCounts();
  for (const [model, value] of Object.entries(asFields(perModel))) {
    const counts: Record<string, number> = {};
    for (const name of TOKEN_NAMES) counts[name] = asNumber(asFields(value)[TOKEN_KEYS[name]]) ?? 0;
    counts["cost_usd"] = asNumber(asFields(value)["costUSD"]) ?? 0;
    models.set(model, counts);
    for (const [name, count] of Object.entries(counts)) total[name] = (total[name] ?? 0) + count;
  }
  return { ...total, model_usage: Object.fromEntries(models) };
}

/** Without a split by model the cost of the turn alone is not known. */
function usageOfTurn(result: Fields): Fields {
  const usage = asFields(result["usage"]);
  const counts: Record<string, number | null> = {};
  for (const name of TOKEN_NAMES) counts[name] = asNumber(usage[name]) ?? 0;
  return { ...counts, cost_usd: null, model_usage: {} };
}

/** The sum over all result lines of a process, or null when there was none: nothing is known then, which is not the same as nothing. */
export function addUsages(usages: readonly Fields[]): Fields | null {
  if (usages.length === 0) return null;
  const total = emptyCounts();
  const models = new Map<string, Record<string, number>>();
  for (const usage of usages) {
    addCounts(total, usage);
    for (const [model, counts] of Object.entries(asFields(usage["model_usage"]))) {
      const sum = models.get(model) ?? emptyCounts();
      addCounts(sum, asFields(counts));
      models.set(model, sum);
    }
  }
  const costKnown = usages.every((usage) => usage["cost_usd"] !== null);
  return { ...total, ...(costKnown ? {} : { cost_usd: null }), model_usage: Object.fromEntries(models) };
}

function emptyCounts(): Record<string, number> {
  return Object.fromEntries([...TOKEN_NAMES, "cost_usd"].map((name) => [name, 0]));
}

function addCounts(total: Record<string, number>, more: Fields): void {
  for (const name of Object.keys(total)) total[name] = (total[name] ?? 0) + (asNumber(more[name]) ?? 0);
}
