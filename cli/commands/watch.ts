/** `kvctl watch`: prints changes as they happen. */

import { readFile, rename, writeFile } from 'node:fs/promises';
import { type Call, formatOf } from '../call.ts';
import { plainKeyOf, plainOf } from '../document.ts';
import { bytesOf, encodeText, encodingOf } from '../encoding.ts';
import { EXIT } from '../exit-codes.ts';
import { CliFailure, reportOf, usageFailure } from '../failure.ts';
import { keyRangeOf } from '../key-range.ts';
import { countOption, textOption } from '../options.ts';
import type { Codec, StoredChange, StoredWatch } from '../store.ts';
import { meaningOf, payloadOf, shownValue } from '../value.ts';

type KeyChange = Extract<StoredChange, { readonly key: Uint8Array }>;

export async function run(call: Call): Promise<number> {
  const { options, words, terminal, interruption } = call;
  const file = textOption(options, 'save');
  const saved =
    file === undefined || options.resume !== undefined ? undefined : await savedIn(file);
  const resume = textOption(options, 'resume') ?? saved;
  const limit = countOption(options, 'limit', { min: 1 }) ?? Number.POSITIVE_INFINITY;
  const ending = interruption.begin();
  const store = await call.store();
  const watch = await store.watch({
    ...keyRangeOf(options),
    key: keyOf(call, words[0]),
    resume,
    isInitial: options.initial !== false,
    isKeysOnly: options.keys === true,
  });
  const end = () => void watch.close();
  ending.addEventListener('abort', end);
  if (ending.aborted) end();
  try {
    if (resume !== undefined) terminal.note('continuing an earlier watch');
    const form = { codec: options.stored === true ? undefined : store.codec };
    await follow(call, watch, { ...form, file, limit });
  } catch (error) {
    throw saved === undefined ? error : failureOfSaved(error, file ?? '');
  } finally {
    ending.removeEventListener('abort', end);
    await watch.close();
  }
  return interruption.exit ?? EXIT.ok;
}

interface Following {
  readonly codec: Codec | undefined;
  readonly file: string | undefined;
  readonly limit: number;
}

/** Until the watch is closed, or so many changes were printed. */
async function follow(
  call: Call,
  watch: StoredWatch,
  { codec, file, limit }: Following,
): Promise<void> {
  let left = limit;
  // Each shard whose changes were forgotten says so; they are read again together.
  let isReadAgain = false;
  for await (const change of watch) {
    const printed = textOf(call, change, codec);
    if (printed !== undefined) await call.terminal.write(printed);
    else if (change.type !== 'compacted' || !isReadAgain) note(call, change);
    if (change.type === 'compacted') isReadAgain = true;
    else if (change.type === 'synced') isReadAgain = false;
    if ('key' in change) left -= 1;
    if (file !== undefined) await save(watch, file);
    if (left === 0) return;
  }
}

function keyOf({ options }: Call, word: string | undefined): Uint8Array | undefined {
  if (word === undefined) return undefined;
  const isRange = ['prefix', 'from', 'to'].some((name) => options[name] !== undefined);
  if (!isRange) return bytesOf(word, encodingOf(options));
  throw usageFailure(
    'a key cannot be combined with --prefix, --from or --to',
    'watch either one key, or a range',
  );
}

/** The line of a change; undefined for what is no change and not for programs. */
function textOf(
  call: Call,
  change: StoredChange,
  codec: Codec | undefined,
): string | Uint8Array | undefined {
  const format = formatOf(call);
  if (format === 'ndjson') {
    if (change.type === 'progress') return undefined;
    return `${JSON.stringify(plainChange(change, call, codec))}\n`;
  }
  if (!('key' in change)) return undefined;
  return format === 'raw' ? rawOf(change, call, codec) : rowOf(change, call, codec);
}

function plainChange(change: StoredChange, { options }: Call, codec: Codec | undefined): object {
  if (!('key' in change)) return change;
  const { type, previousVersion, transaction } = change;
  const rest = { previousVersion, ...(transaction !== '' && { transaction }) };
  const key = plainKeyOf(change.key);
  if (change.type !== 'set') return { type, key, ...rest };
  const { version, isInitial } = change;
  const value = options.keys === true ? {} : { value: plainOf(meaningOf(change.value, codec)) };
  return { type, key, ...value, version, ...rest, isInitial };
}

/** The key; behind a tab the value, if it has one. */
function rawOf(change: KeyChange, { options }: Call, codec: Codec | undefined): Uint8Array {
  const { key } = change;
  const hasValue = change.type === 'set' && options.keys !== true;
  const value = hasValue ? ['\t', payloadOf(meaningOf(change.value, codec))] : [];
  return Buffer.concat([key, ...value, '\n'].map((part) => Buffer.from(part)));
}

/** What waits for the next line cannot be aligned with it, so the columns are those of the verb. */
function rowOf(change: KeyChange, { options, terminal }: Call, codec: Codec | undefined): string {
  const encoding = encodingOf(options);
  const words = [change.type.padEnd(TYPE_COLUMNS), encodeText(change.key, encoding)];
  if (change.type === 'set') {
    words.push(terminal.paint(String(change.version), 'dim'));
    if (options.keys !== true) words.push(shownValue(meaningOf(change.value, codec), encoding));
  }
  return `${words.join('  ')}\n`;
}

const TYPE_COLUMNS = 6;

function note({ terminal }: Call, change: StoredChange): void {
  if (change.type === 'synced') terminal.note('up to date; following changes');
  else if (change.type === 'compacted') {
    const what = change.differences ? 'their differences follow' : 'all of them follow';
    terminal.note(`changes were forgotten by the cluster: the keys are read again, and ${what}`);
  } else if (change.type === 'lagging') {
    const seconds = Math.round(change.milliseconds / 1000);
    terminal.note(`output is slower than the changes: they waited for ${seconds} s`);
  }
}

/** Undefined if there is no such file. */
async function savedIn(file: string): Promise<string | undefined> {
  try {
    return (await readFile(file, 'utf8')).trim();
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === 'ENOENT') return undefined;
    throw unusable(file, error);
  }
}

/** A file that was damaged, or saved by a watch of other keys. */
function failureOfSaved(error: unknown, file: string): unknown {
  const { code, message } = reportOf(error);
  if (code !== 'bad-token') return error;
  return new CliFailure({
    code,
    exit: EXIT.refused,
    message: `the file ${JSON.stringify(file)} cannot be continued from: ${message}`,
    hint: 'watch the keys that it was saved for; or delete it, to begin with the present keys',
  });
}

/** Whole or not at all. Before the present keys are complete there is nothing to save. */
async function save(watch: StoredWatch, file: string): Promise<void> {
  const token = tokenOf(watch);
  if (token === undefined) return;
  try {
    await writeFile(`${file}.new`, `${token}\n`);
    await rename(`${file}.new`, file);
  } catch (error) {
    throw unusable(file, error);
  }
}

function tokenOf(watch: StoredWatch): string | undefined {
  try {
    return watch.token;
  } catch {
    return undefined;
  }
}

function unusable(file: string, error: unknown): Error {
  const message = `the file ${JSON.stringify(file)} cannot be used: ${(error as Error).message}`;
  return usageFailure(message, 'give --save a path in a folder that can be written');
}
