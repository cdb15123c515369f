import { writeSync } from "node:fs";

/** JSON lines into supervisor.log. No pino here: a host carries many supervisors and each should be small. */
export interface AttemptLog {
  debug(fields: object, message: string): void;
  info(fields: object, message: string): void;
  warn(fields: object, message: string): void;
  error(fields: object, message: string): void;
}

const LEVELS = { debug: 20, info: 30, warn: 40, error: 50 } as const;
const LOG_BYTES_MAX = 1024 * 1024;

/** Writes to `descriptor` until the bound is reached; the last line says so. */
export function createAttemptLog(descriptor: number, bindings: object, bytesMax: number = LOG_BYTES_MAX): AttemptLog {
  let bytes = 0;
  const write = (level: keyof typeof LEVELS, fields: object, message: string): void => {
    if (bytes >= bytesMax) return;
    const line = `${JSON.stringify({ level: LEVELS[level], time: Date.now(), ...bindings, ...fields, msg: message })}\n`;
    bytes += Buffer.byteLength(line);
    try {
      writeSync(descriptor, line);
      if (bytes >= bytesMax) writeSync(descriptor, `${JSON.stringify({ level: 40, msg: "log limit reached" })}\n`);
    } catch {
      // A full disk must not end the run that is being supervised.
    }
  };
  return {
    debug: (fields, message) => write("debug", fields, message),
    info: (fields, message) => write("info", fields, message),
    warn: (fields, message) => write("warn", fields, message),
    error: (fields, message) => write("error", fields, message),
  };
}
