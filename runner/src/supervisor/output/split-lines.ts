const NEWLINE = 0x0a;
const CARRIAGE_RETURN = 0x0d;

interface SplitLine {
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

  const hold = (bytes: Buffer): void => {
    held.push(bytes);
    heldBytes += bytes.length;
  };
  const release = (): Buffer => {
    const bytes = held.length === 1 && held[0] !== undefined ? held[0] : Buffer.concat(held);
    held = [];
    heldBytes = 0;
    return bytes;
  };

  const takeLine = (): SplitLine => {
    const bytes = release();
    const end = bytes.at(-1) === CARRIAGE_RETURN ? bytes.length - 1 : bytes.length;
    const line = { text: bytes.toString("utf8", 0, end), whole: !overlong };
    overlong = false;
    return line;
  };

  /** What is held has reached the bound; the bytes of a character that is not whole yet stay. */
  const takePiece = (): SplitLine => {
    const bytes = release();
    const cut = cutBeforeSplitCharacter(bytes);
    if (cut < bytes.length) hold(bytes.subarray(cut));
    overlong = true;
    return { text: bytes.toString("utf8", 0, cut), whole: false };
  };

  const push = (chunk: Buffer): SplitLine[] => {
    const lines: SplitLine[] = [];
    let start = 0;
    while (start < chunk.length) {
      const newline = chunk.indexOf(NEWLINE, start);
      const room = bytesMax - heldBytes;
      const stop = newline === -1 ? chunk.length : newline;
      if (stop - start > room) {
        hold(chunk.subarray(start, start + room));
        lines.push(takePiece());
        start += room;
      } else {
        hold(chunk.subarray(start, stop));
        if (newline !== -1) lines.push(takeLine());
        start = stop + 1;
      }
    }
    return lines;
  };

  return { push, end: () => (heldBytes === 0 ? [] : [takeLine()]) };
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
