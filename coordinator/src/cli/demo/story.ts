/** Tells what happens, line by line, with the seconds since the beginning. */
import type { Io, Style } from "../terminal/io.ts";

export interface Story {
  tell(sign: string, style: Style, text: string, aside?: string): void;
  seconds(): number;
}

export function beginStory(io: Io): Story {
  const startedAt = performance.now();
  const seconds = () => (performance.now() - startedAt) / 1_000;
  return {
    seconds,
    tell(sign, style, text, aside) {
      const time = io.paint("dim", `${seconds().toFixed(1).padStart(5)} s`);
      io.out(`${time}  ${io.paint(style, sign)} ${text}${aside === undefined ? "" : io.paint("dim", `  ${aside}`)}`);
    },
  };
}
