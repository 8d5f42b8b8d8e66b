/** `kvctl scan`: prints keys in order as they arrive; memory holds only one page. */

import { type Call, formatOf } from '../call.ts';
import { plainKeyOf } from '../document.ts';
import { encodeText, encodingOf } from '../encoding.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { keyRangeOf } from '../key-range.ts';
import { countOption, textOption } from '../options.ts';
import { entryPlain } from '../printers/entry.ts';
import { type Column, tableOf } from '../printers/table.ts';
import type { Codec, StoredEntry } from '../store.ts';
import { meaningOf, payloadOf, shownValue } from '../value.ts';

/** Number of rows that are aligned together on a terminal. */
const ALIGNED_ROWS = 200;

export async function run(call: Call): Promise<Exit> {
  const { options, terminal } = call;
  const span = keyRangeOf(options);
  const isKeysOnly = options.keys === true;
  const request = {
    ...span,
    isReverse: options.reverse === true,
    isKeysOnly,
    limit: countOption(options, 'limit', { min: 1 }),
    cursor: textOption(options, 'cursor'),
  };
  const store = await call.store();
  const { entries, cursor } = store.scan(request);
  const form = { codec: options.stored === true ? undefined : store.codec, isKeysOnly };
  const format = formatOf(call);
  switch (format) {
    case 'json':
      await printArray(call, entries, { ...form, cursor });
      return EXIT.ok;
    case 'table':
      await printTable(call, entries, form);
      break;
    default:
      for await (const entry of entries) {
        await terminal.write(format === 'ndjson' ? jsonOf(entry, form) : rawOf(entry, form));
        await terminal.write('\n');
      }
  }
  const next = cursor();
  if (next !== undefined) terminal.note(`more keys: repeat with --cursor ${next}`);
  return EXIT.ok;
}

interface Form {
  readonly codec: Codec | undefined;
  readonly isKeysOnly: boolean;
}

function jsonOf(entry: StoredEntry, { codec, isKeysOnly }: Form): string {
  const plain = isKeysOnly ? { key: plainKeyOf(entry.key) } : entryPlain(entry, codec);
  return JSON.stringify(plain);
}

/** Raw keys; values follow after a tab. */
function rawOf({ key, value }: StoredEntry, { codec, isKeysOnly }: Form): Uint8Array {
  if (isKeysOnly) return key;
  const payload = payloadOf(meaningOf(value, codec));
  return Buffer.concat([key, Buffer.from('\t'), payload]);
}

async function printArray(
  { terminal }: Call,
  entries: AsyncIterable<StoredEntry>,
  form: Form & { readonly cursor: () => string | undefined },
): Promise<void> {
  let isFirst = true;
  await terminal.write('{"entries":[');
  for await (const entry of entries) {
    await terminal.write(`${isFirst ? '' : ','}\n${jsonOf(entry, form)}`);
    isFirst = false;
  }
  const cursor = form.cursor() ?? null;
  await terminal.write(`\n],"cursor":${JSON.stringify(cursor)}}\n`);
}

async function printTable(
  { options, terminal }: Call,
  entries: AsyncIterable<StoredEntry>,
  { codec, isKeysOnly }: Form,
): Promise<void> {
  const encoding = encodingOf(options);
  const rest: Column[] = [{ title: 'VERSION', isNumber: true }, { title: 'VALUE' }];
  const columns = [{ title: 'KEY' }, ...(isKeysOnly ? [] : rest)];
  const rowOf = (entry: StoredEntry) => {
    const spelled = encodeText(entry.key, encoding);
    if (isKeysOnly) return [spelled];
    return [spelled, String(entry.version), shownValue(meaningOf(entry.value, codec), encoding)];
  };
  let rows: string[][] = [];
  for await (const entry of entries) {
    rows.push(rowOf(entry));
    // In a pipe rows are not aligned, so each is written at once.
    if (terminal.isWatched && rows.length < ALIGNED_ROWS) continue;
    await terminal.write(tableOf(terminal, columns, rows));
    rows = [];
  }
  if (rows.length > 0) await terminal.write(tableOf(terminal, columns, rows));
}
