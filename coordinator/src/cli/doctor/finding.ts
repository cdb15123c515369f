/** One thing that was looked at. Everything but `ok` says what to do. */
export type Finding =
  | { readonly name: string; readonly status: "ok"; readonly detail: string }
  | { readonly name: string; readonly status: "warn" | "fail"; readonly detail: string; readonly fix: string };

export const ok = (name: string, detail: string): Finding => ({ name, status: "ok", detail });
export const warn = (name: string, detail: string, fix: string): Finding => ({ name, status: "warn", detail, fix });
export const fail = (name: string, detail: string, fix: string): Finding => ({ name, status: "fail", detail, fix });
