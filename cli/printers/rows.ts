/** Prints rows in the requested format. */

import type { Format } from '../call.ts';
import type { Terminal } from '../terminal.ts';
import { type Column, tableOf } from './table.ts';

interface Rows {
  readonly columns: readonly Column[];
  readonly rows: readonly (readonly string[])[];
  /** The rows for JSON output. */
  readonly plain: readonly object[];
}

export async function printRows(terminal: Terminal, format: Format, rows: Rows): Promise<void> {
  const { columns, plain } = rows;
  switch (format) {
    case 'json':
      return await terminal.write(`${JSON.stringify(plain)}\n`);
    case 'ndjson':
      return await terminal.write(plain.map((row) => `${JSON.stringify(row)}\n`).join(''));
    default:
      return await terminal.write(tableOf(terminal, columns, rows.rows));
  }
}
