/** Errors that come from no server have no SQLSTATE; of those that do, these say that the server or the way to it is gone. */
export function isOutage(error: unknown): boolean {
  if (!(error instanceof Error)) return false;
  const state = "code" in error && typeof error.code === "string" ? error.code : "";
  return !/^[0-9A-Z]{5}$/.test(state) || /^(08...|57P0[123]|53300)$/.test(state);
}
