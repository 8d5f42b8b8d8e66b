/**
 * What the layer stores, as bytes: MessagePack, and the integers of a row that were bigints. A
 * field that is undefined is absent.
 */

import { type Codec, messagePack } from '../../index.ts';

type Path = readonly (string | number)[];

/** Bigints travel as texts, since MessagePack does not tell small ones from numbers. */
export const storedValue: Codec<unknown> = {
  name: 'tables',
  encode(value) {
    if (isStorable(value)) return messagePack.encode([value]);
    const bigints: Path[] = [];
    const plain = plainOf(value, [], bigints);
    return messagePack.encode(bigints.length === 0 ? [plain] : [plain, bigints]);
  },
  decode(bytes) {
    const [value, bigints = []] = messagePack.decode(bytes) as [unknown, Path[]?];
    let whole = value;
    for (const path of bigints) whole = restored(whole, path);
    return whole;
  },
};

/** Most rows have neither a bigint nor an undefined field, and are stored as they are. */
function isStorable(value: unknown): boolean {
  if (typeof value === 'bigint' || value === undefined) return false;
  if (Array.isArray(value)) return value.every(isStorable);
  if (typeof value !== 'object' || value === null || !isPlain(value)) return true;
  return Object.values(value).every(isStorable);
}

function plainOf(value: unknown, path: Path, bigints: Path[]): unknown {
  if (typeof value === 'bigint') {
    bigints.push(path);
    return String(value);
  }
  if (Array.isArray(value)) return value.map((part, at) => plainOf(part, [...path, at], bigints));
  if (typeof value !== 'object' || value === null || !isPlain(value)) return value;
  const fields = Object.entries(value).filter(([, part]) => part !== undefined);
  return Object.fromEntries(
    fields.map(([name, part]) => [name, plainOf(part, [...path, name], bigints)]),
  );
}

/** Bytes and dates are values; what else is no plain object is refused by the codec below. */
function isPlain(value: object): boolean {
  const prototype: unknown = Object.getPrototypeOf(value);
  return prototype === null || prototype === Object.prototype;
}

function restored(whole: unknown, path: Path): unknown {
  const last = path.at(-1);
  if (last === undefined) return BigInt(whole as string);
  let holder = whole as Record<string | number, unknown>;
  for (const step of path.slice(0, -1)) holder = holder[step] as typeof holder;
  holder[last] = BigInt(holder[last] as string);
  return whole;
}
