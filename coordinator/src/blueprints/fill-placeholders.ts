/**
 * Fills `${params.*}`, `${scope.*}` and `${runtime.*}` in every string of a value. What it does not know stays literal: the runner fills
 * `${AGENT_ORCHESTRATOR_MCP_URL}`, `${AGENT_SESSION_ID}` and `${runner.*}` where the agent starts. `${env.*}` is never filled from the
 * coordinator's environment. Values are inserted once and are not searched for placeholders again; what the runner would fill later is broken
 * up in them (`$\{…}`), so that a parameter cannot smuggle in the agent's private address either.
 */
export type PlaceholderValues = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

const PLACEHOLDER = /\$\{([a-z]+)\.([A-Za-z0-9_.-]{1,200})\}/g;

export function fillPlaceholders<T>(value: T, values: PlaceholderValues): T {
  if (typeof value === "string") return fillString(value, values) as T;
  if (Array.isArray(value)) return value.map((entry) => fillPlaceholders(entry, values)) as T;
  if (typeof value === "object" && value !== null) {
    return Object.fromEntries(Object.entries(value).map(([key, entry]) => [key, fillPlaceholders(entry, values)])) as T;
  }
  return value;
}

function fillString(text: string, values: PlaceholderValues): string {
  return text.replace(PLACEHOLDER, (literal, source: string, path: string) => {
    const found = lookUp(values[source], path.split("."));
    if (found === undefined) return literal;
    return breakLate(typeof found === "string" ? found : JSON.stringify(found));
  });
}

const LATE = /\$\{(?=AGENT_ORCHESTRATOR_MCP_URL\}|AGENT_SESSION_ID\}|runner\.)/g;

function breakLate(value: string): string {
  return value.replace(LATE, "$\\{");
}

function lookUp(root: unknown, path: readonly string[]): unknown {
  let current = root;
  for (const key of path) {
    if (typeof current !== "object" || current === null || !Object.hasOwn(current, key)) return undefined;
    current = (current as Record<string, unknown>)[key];
  }
  return current;
}
