/** `kvctl load`: writes keys and values from JSON lines, the output of `salvage` and `scan`. */

import { createReadStream } from 'node:fs';
import { createInterface } from 'node:readline';
import { type Call, formatOf } from '../call.ts';
import { parseDocument } from '../document.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import type { Codec, SetRequest } from '../store.ts';

/** Maximum number of puts in flight. */
const AT_ONCE_MAX = 64;

export async function run(call: Call): Promise<Exit> {
  const { words, options, terminal } = call;
  const ifVersion = options.ifAbsent === true ? 0 : undefined;
  const store = await call.store();
  const counts = { written: 0, kept: 0 };
  const onTheirWay = new Set<Promise<void>>();
  let number = 0;
  for await (const line of linesOf(call, words[0] ?? '-')) {
    number += 1;
    if (line.trim() === '') continue;
    const request = { ...requestOf(line, number, store.codec), ifVersion };
    const writing = store.set(request).then((written) => {
      counts[written === undefined ? 'kept' : 'written'] += 1;
    });
    onTheirWay.add(writing);
    const end = () => onTheirWay.delete(writing);
    writing.then(end, end);
    if (onTheirWay.size >= AT_ONCE_MAX) await Promise.race(onTheirWay);
  }
  await Promise.all(onTheirWay);
  const kept = counts.kept > 0 ? `, skipped ${counts.kept} that already exist` : '';
  const text =
    formatOf(call) === 'json' ? JSON.stringify(counts) : `ok  ${counts.written} keys${kept}`;
  await terminal.write(`${text}\n`);
  return EXIT.ok;
}

async function* linesOf({ input }: Call, path: string): AsyncIterable<string> {
  if (path === '-') {
    yield* new TextDecoder().decode(await input()).split('\n');
    return;
  }
  try {
    yield* createInterface({ input: createReadStream(path), crlfDelay: Number.POSITIVE_INFINITY });
  } catch (error) {
    const message = `${path} cannot be read: ${(error as Error).message}`;
    throw usageFailure(message, 'use a file with the output of `kvctl salvage`');
  }
}

/** Byte values are stored unchanged; other values as `set --as json` stores them. */
function requestOf(line: string, number: number, codec: Codec): Omit<SetRequest, 'ifVersion'> {
  const hint = 'write one object per line: {"key": "a", "value": {"$bytes": "AAEC"}}';
  const document = parseDocument(line);
  if (typeof document !== 'object' || document === null || !('value' in document)) {
    throw usageFailure(`line ${number} is not an object with a key and a value`, hint);
  }
  const { key, value, ttlMilliseconds } = document as Readonly<Record<string, unknown>>;
  const bytes = typeof key === 'string' ? new TextEncoder().encode(key) : key;
  if (!(bytes instanceof Uint8Array)) throw usageFailure(`line ${number} has no key`, hint);
  const isLife = typeof ttlMilliseconds === 'number';
  return {
    key: bytes,
    value: value instanceof Uint8Array ? value : codec.encode(value),
    ttlMilliseconds: isLife ? ttlMilliseconds : undefined,
    fence: undefined,
  };
}
