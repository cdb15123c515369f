const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

export interface SplitLine {
  readonly text: string;
  /** False for a piece of a line that was longer than the bound; its pieces follow each other. */
  readonly whole: boolean;
}

/** Cuts a byte stream into lines. Holds at most `bytesMax` of an unfinished line; a longer one comes out in pieces. */
export interface LineSplitter {
  push(chunk: Buffer): SplitLine[];
  /** What is left when the stream has ended. */
  end(): SplitLine[];
}

export function createLineSplitter(bytesMax: number): LineSplitter {
  let held: Buffer[] = [];
  let heldBytes = 0;
  let overlong = false;

  const take = (last: Buffer, finished: boolean): SplitLine => {
    const bytes = Buffer.concat([...held, last]);
    held = [];
    heldBytes = 0;
    const whole = finished && !overlong;
    overlong = !finished;
    const end = finished && bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    return { text: bytes.toString("utf8", 0, end), whole };
  };

  const push = (chunk: Buffer): SplitLine[] => {
    const lines: SplitLine[] = [];
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const room = bytesMax - heldBytes;
      const stop = newline === -1 ? chunk.length : newline;
      if (stop - start > room) {
        const cut = start + cutBeforeSplitCharacter(chunk.subarray(start, start + room));
        lines.push(take(chunk.subarray(start, cut), false));
        start = cut;
      } else if (newline === -1) {
        held.push(chunk.subarray(start));
        heldBytes += chunk.length - start;
        start = chunk.length;
      } else {
        lines.push(take(chunk.subarray(start, newline), true));
        start = newline + 1;
      }
    }
    return lines;
  };

  return { push, end: () => (heldBytes === 0 ? [] : [take(Buffer.alloc(0), true)]) };
}

/** Length of `piece` without an unfinished UTF-8 sequence at its end. */
function cutBeforeSplitCharacter(piece: Buffer): number {
  for (let back = 1; back <= Math.min(3, piece.length); back += 1) {
    const byte = piece[piece.length - back] ?? 0;
    if (byte >= 0b1100_0000) {
      const needed = byte >= 0b1111_0000 ? 4 : byte >= 0b1110_0000 ? 3 : 2;
      return needed > back && piece.length > back ? piece.length - back : piece.length;
    }
    if (byte < 0b1000_0000) break;
  }
  return piece.length;
}
