/**
 * The one spelling of a frame that both ends hash: a JSON line with fixed key order, `data` as the supervisor wrote it.
 * The supervisor hashes the same line when it spools the frame (runner/src/supervisor).
 */
export function frameLine(frame: number, type: string, at: string, dataJson: string): string {
  return `{"frame":${frame},"type":${JSON.stringify(type)},"at":${JSON.stringify(at)},"data":${dataJson}}\n`;
}
