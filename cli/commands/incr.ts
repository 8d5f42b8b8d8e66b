/** `kvctl incr`: a number grows, or shrinks. */

import { type Call, formatOf } from '../call.ts';
import { plainKeyOf, plainOf } from '../document.ts';
import { EXIT, type Exit } from '../exit.ts';
import { usageFailure } from '../failure.ts';
import { bytesOf, spellingOf } from '../spelling.ts';

const INTEGER_MAX = 2n ** 63n - 1n;

export async function run(call: Call): Promise<Exit> {
  const { options, terminal, words } = call;
  const key = bytesOf(words[0] ?? '', spellingOf(options));
  const by = integerOf(words[1] ?? '1');
  const store = await call.store();
  const value = await store.add(key, by);
  const isJson = formatOf(call) === 'json';
  const told = { key: plainKeyOf(key), value: plainOf(value) };
  await terminal.write(`${isJson ? JSON.stringify(told) : value}\n`);
  return EXIT.ok;
}

function integerOf(text: string): bigint {
  const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
  if (value !== undefined && value <= INTEGER_MAX && value >= -INTEGER_MAX - 1n) return value;
  throw usageFailure(
    `${JSON.stringify(text)} is not an integer of 64 bits`,
    'give digits, with a minus in front to count down',
  );
}
