/** A log file of bounded size: when it is full it becomes <file>.1 and a new one begins. */
import { appendFileSync, mkdirSync, renameSync, statSync } from "node:fs";
import { dirname } from "node:path";

const LOG_BYTES_MAX = 16 * 1024 * 1024;

export function openLog(file: string, bytesMax = LOG_BYTES_MAX): (line: string) => void {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 });
  let bytes = statSync(file, { throwIfNoEntry: false })?.size ?? 0;
  return (line) => {
    const text = `${line}\n`;
    const more = Buffer.byteLength(text);
    if (bytes + more > bytesMax && bytes > 0) {
      renameSync(file, `${file}.1`);
      bytes = 0;
    }
    appendFileSync(file, text, { mode: 0o600 });
    bytes += more;
  };
}
