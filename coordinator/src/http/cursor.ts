import { ParallaxError } from "@parallax/shared/errors";
import { DEFAULT_LIMITS } from "@parallax/shared/limits";

/** Cursors are opaque to callers; inside they are the number of the last row of a page. */
export function readCursor(cursor: string | undefined): number | undefined {
  if (cursor === undefined) return undefined;
  const number = Number(Buffer.from(cursor, "base64url").toString("utf8"));
  if (!Number.isSafeInteger(number) || number < 0)
    throw new ParallaxError("invalid_request", "query.cursor: not a cursor of ours", {
      hint: "pass next_cursor of the previous page as it was",
    });
  return number;
}

export function pageOf<T extends { readonly number: number }>(
  rows: readonly T[],
  limit: number,
): { rows: readonly T[]; nextCursor: string | null } {
  const page = rows.slice(0, limit);
  const last = page.at(-1);
  const more = rows.length > limit && last !== undefined;
  return { rows: page, nextCursor: more ? Buffer.from(String(last.number)).toString("base64url") : null };
}

export function pageSize(limit: number | undefined): number {
  return limit ?? DEFAULT_LIMITS.pageItemsDefault;
}
