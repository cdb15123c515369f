/** Fills `${name}` and `${name:key}`. A name that is known to be ours but has no value is an error, not an empty string. */
export type Lookup = (name: string, key: string | undefined) => string | undefined;

const TEMPLATE = /\$\{([a-z_]+)(?::([A-Za-z0-9_.-]+))?\}/g;

export function expandText(text: string, lookup: Lookup): string {
  return text.replace(TEMPLATE, (whole, name: string, key: string | undefined) => {
    const value = lookup(name, key);
    if (value === undefined) throw new Error(`nothing is known as ${whole}`);
    return value;
  });
}

/** The same for every string inside a value; keys stay as they are. */
export function expandValue(value: unknown, lookup: Lookup): unknown {
  if (typeof value === "string") return expandText(value, lookup);
  if (Array.isArray(value)) return value.map((item) => expandValue(item, lookup));
  if (typeof value !== "object" || value === null) return value;
  return Object.fromEntries(Object.entries(value).map(([key, item]) => [key, expandValue(item, lookup)]));
}
