/**
 * Repairs single flipped bits in LevelDB's files. The checksum identifies the bit: no two bits of a
 * block have the same effect on it, and of all larger damage to a block of 4 KiB only one in 130
 * 000 looks like a flipped bit. Used for stores that no other copy can replace.
 */

import { open, rename } from 'node:fs/promises';
import { join } from 'node:path';
import { word32 } from '../files/byte-order.ts';
import { syncFolder } from '../files/small-file.ts';
import { crc32c, flippedBit, maskedCrc, unmaskedCrc } from './crc32c.ts';
import { namesIn } from './level-check.ts';
import type { ChecksummedSpan, LevelDamage } from './level-table-check.ts';

const MANIFEST = /^MANIFEST-\d+$/;

interface MendedFile {
  readonly file: string;
  readonly bytes: Uint8Array;
  readonly bits: readonly string[];
}

/**
 * Describes the repairs; undefined, with nothing changed, if not all damage can be repaired.
 * CURRENT is repaired too: LevelDB keeps one manifest, so its content is known.
 */
export async function mendLevel(
  folder: string,
  damages: readonly LevelDamage[],
): Promise<readonly string[] | undefined> {
  const spans = new Map<string, ChecksummedSpan[]>();
  const mended: MendedFile[] = [];
  for (const { file, sum } of damages) {
    if (file === 'CURRENT') {
      const current = await currentOf(folder);
      if (current === undefined) return undefined;
      mended.push(current);
      continue;
    }
    if (sum === undefined) return undefined;
    spans.set(file, [...(spans.get(file) ?? []), sum]);
  }
  for (const [file, places] of spans) {
    const bytes = await contentOf(join(folder, file));
    const bits: string[] = [];
    for (const place of places) {
      const bit = wrongBit(bytes, place);
      if (bit === undefined) return undefined;
      bytes[bit >> 3] = (bytes[bit >> 3] as number) ^ (1 << (bit & 7));
      bits.push(`bit ${bit & 7} of byte ${bit >> 3} in ${file}`);
    }
    mended.push({ file, bytes, bits });
  }
  for (const { file, bytes } of mended) await replace(folder, file, bytes);
  return mended.flatMap(({ bits }) => bits);
}

async function currentOf(folder: string): Promise<MendedFile | undefined> {
  const [manifest, ...others] = (await namesIn(folder)).filter((name) => MANIFEST.test(name));
  if (manifest === undefined || others.length > 0) return undefined;
  const bytes = new TextEncoder().encode(`${manifest}\n`);
  return { file: 'CURRENT', bytes, bits: [`CURRENT names ${manifest} again`] };
}

/**
 * Counted from the first bit of the file; undefined if a single bit does not explain the damage.
 */
function wrongBit(bytes: Uint8Array, { from, to, sumAt }: ChecksummedSpan): number | undefined {
  const stored = word32(bytes, sumAt);
  const actual = crc32c(bytes, from, to);
  const difference = (stored ^ maskedCrc(actual)) >>> 0;
  // The bytes are right, and the checksum is wrong.
  const isInSum = difference !== 0 && (difference & (difference - 1)) === 0;
  if (isInSum) return sumAt * 8 + Math.log2(difference);
  const bit = flippedBit(to - from, actual, unmaskedCrc(stored));
  return bit === undefined ? undefined : from * 8 + bit;
}

async function contentOf(path: string): Promise<Uint8Array> {
  const handle = await open(path);
  try {
    return new Uint8Array(await handle.readFile());
  } finally {
    await handle.close();
  }
}

/** A power loss leaves the old file or the new one. LevelDB removes the temporary file. */
async function replace(folder: string, file: string, bytes: Uint8Array): Promise<void> {
  const fresh = join(folder, '999999.dbtmp');
  const handle = await open(fresh, 'w', 0o600);
  try {
    await handle.writeFile(bytes);
    await handle.sync();
  } finally {
    await handle.close();
  }
  await rename(fresh, join(folder, file));
  await syncFolder(folder);
}
