import type { Io } from "./io.ts";
import { cutTo, toOneLine } from "./strip-controls.ts";

export interface Column<T> {
  readonly title: string;
  readonly cell: (row: T) => string;
  /** Paints the finished, padded cell. */
  readonly paint?: (text: string, row: T) => string;
}

const GAP = "  ";

/** Columns as wide as their widest cell; the last one is cut at the terminal's edge. A pipe gets everything. */
export function formatTable<T>(io: Io, columns: readonly Column<T>[], rows: readonly T[]): string[] {
  const cells = rows.map((row) => columns.map((column) => toOneLine(column.cell(row)) || "-"));
  const widths = columns.map((column, index) =>
    Math.max(column.title.length, ...cells.map((row) => row[index]?.length ?? 0)),
  );
  const last = columns.length - 1;
  const before = widths.slice(0, last).reduce((sum, width) => sum + width + GAP.length, 0);
  const room = io.isTty ? Math.max(10, io.columns - before) : Number.POSITIVE_INFINITY;
  const lay = (row: readonly string[], paint: (text: string, index: number) => string) =>
    row
      .map((cell, index) => paint(index === last ? cutTo(cell, room) : cell.padEnd(widths[index] ?? 0), index))
      .join(GAP)
      .trimEnd();

  const titles = columns.map((column) => column.title);
  const lines = [lay(titles, (text) => io.paint("dim", text))];
  for (const [index, row] of rows.entries()) {
    const source = row;
    lines.push(lay(cells[index] ?? [], (text, column) => columns[column]?.paint?.(text, source) ?? text));
  }
  return lines;
}

/** The table on stdout, or what is not there on stderr. */
export function printTable<T>(io: Io, columns: readonly Column<T>[], rows: readonly T[], nothing: string): void {
  if (rows.length === 0) io.err(nothing);
  else for (const line of formatTable(io, columns, rows)) io.out(line);
}
