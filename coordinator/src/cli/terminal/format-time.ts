/** Times for people: short, with their unit. */
export function formatDuration(durationMs: number): string {
  if (durationMs < 0) return "0 s";
  if (durationMs < 1_000) return `${Math.round(durationMs)} ms`;
  const seconds = durationMs / 1_000;
  if (seconds < 60) return `${seconds.toFixed(1)} s`;
  const minutes = Math.floor(seconds / 60);
  if (minutes < 60) return `${minutes} min ${Math.floor(seconds % 60)} s`;
  const hours = Math.floor(minutes / 60);
  return hours < 48 ? `${hours} h ${minutes % 60} min` : `${Math.floor(hours / 24)} d`;
}

export function formatAge(timestamp: string | null, nowMs: number): string {
  if (timestamp === null) return "";
  const at = Date.parse(timestamp);
  return Number.isNaN(at) ? "" : `${formatDuration(nowMs - at)} ago`;
}

export function durationBetween(from: string | null, to: string | null): number | null {
  if (from === null || to === null) return null;
  const durationMs = Date.parse(to) - Date.parse(from);
  return Number.isNaN(durationMs) ? null : durationMs;
}

/** 13:05:09, in the reader's own time zone. */
export function formatClock(timestamp: string): string {
  const at = new Date(timestamp);
  return Number.isNaN(at.getTime()) ? "--:--:--" : at.toTimeString().slice(0, 8);
}
