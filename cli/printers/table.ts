/** Rows as a table: aligned columns on a terminal, tab-separated fields in a pipe. */

import { visible } from '../encoding.ts';
import type { Terminal } from '../terminal.ts';

export interface Column {
  readonly title: string;
  readonly isNumber?: boolean;
}

/** Approximates the characters that are two columns wide: East Asian ones and emoji. */
const WIDE =
  /[\u1100-\u115f\u2e80-\ua4cf\uac00-\ud7a3\uf900-\ufaff\uff00-\uff60]|\p{Emoji_Presentation}/u;
const GAP = '  ';

export function tableOf(
  { isWatched, columns: columnsMax, paint }: Terminal,
  columns: readonly Column[],
  given: readonly (readonly string[])[],
): string {
  const rows = given.map((row) => row.map(visible));
  if (!isWatched) return rows.map((row) => `${row.join('\t')}\n`).join('');
  const widths = columns.map(({ title }, at) => {
    return rows.reduce((most, row) => Math.max(most, widthOf(row[at] ?? '')), widthOf(title));
  });
  const line = (cells: readonly string[]) => {
    const padded = cells.map((cell, at) => {
      const padding = ' '.repeat(Math.max(0, (widths[at] ?? 0) - widthOf(cell)));
      return columns[at]?.isNumber === true ? padding + cell : cell + padding;
    });
    return cut(padded.join(GAP).trimEnd(), columnsMax);
  };
  const header = paint(line(columns.map(({ title }) => title)), 'dim');
  return `${[header, ...rows.map(line)].join('\n')}\n`;
}

function widthOf(text: string): number {
  let width = 0;
  for (const character of text) width += WIDE.test(character) ? 2 : 1;
  return width;
}

/** Truncates a line to the width of the terminal. */
function cut(text: string, columnsMax: number): string {
  if (widthOf(text) <= columnsMax) return text;
  let kept = '';
  let width = 0;
  for (const character of text) {
    width += widthOf(character);
    if (width > columnsMax - 1) break;
    kept += character;
  }
  return `${kept}…`;
}
