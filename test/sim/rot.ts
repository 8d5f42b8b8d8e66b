/** Damage to a disk: to one entry, one vote, one row, or a random place. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { HARD_STATE_FILES } from '../../src/storage/log/hard-state.ts';
import { HEADER_BYTES } from '../../src/storage/log/log-record.ts';
import { epochOf } from '../../src/storage/log/log-segment.ts';
import type { MemoryFiles } from '../support/twins/memory-files.ts';
import type { MemoryState } from '../support/twins/memory-state.ts';
import { type Buried, dig, findEntry, findPromise, isConfirmed, type Site } from './dig.ts';
import type { Host } from './host.ts';

/** The kind of a stored row of a machine, and the offset of its shard in the key. */
const ROW_KIND = 3;

/** One bit of an entry, in its payload or its header. Returns whether there was such an entry. */
export function rotEntry(host: Host, shard: ShardId, index: number, random: Random): boolean {
  const image = host.ledger.durable.get(shard);
  const entry = image?.entryAt(index);
  if (image === undefined || entry === undefined || entry.kind === 'configuration') return false;
  if (!rotEntryIn(host.disk.files, { shard, index, term: entry.term }, random)) return false;
  image.damaged.add(index);
  return true;
}

interface EntryName {
  readonly shard: ShardId;
  readonly index: number;
  readonly term: number;
}

/** Whether there was such an entry, and damage to it is not taken for a torn write. */
export function rotEntryIn(files: MemoryFiles, entry: EntryName, random: Random): boolean {
  const site = dig(files);
  const found = findEntry(site, entry);
  if (found === undefined || !isConfirmed(site, found)) return false;
  flipIn(files, found, random, { isHeader: random.chance(0.3) });
  return true;
}

function flipIn(
  files: MemoryFiles,
  { name, header: { offset, length } }: Buried,
  random: Random,
  { isHeader }: { readonly isHeader: boolean },
): void {
  const isInHeader = isHeader || length === 0;
  const at = isInHeader ? random.below(HEADER_BYTES) : HEADER_BYTES + random.below(length);
  files.flip(name, offset + at, random.below(8));
}

/** The contents of the hard-state files some time ago. */
interface VoteDamage {
  readonly stale: ReadonlyMap<string, Uint8Array>;
  readonly random: Random;
}

export function rotVote(host: Host, shard: ShardId, damage: VoteDamage): boolean {
  if (!rotVoteIn(host.disk.files, shard, damage)) return false;
  const durable = host.ledger.durable.get(shard);
  if (durable !== undefined) durable.isVoteLost = true;
  return true;
}

/**
 * The record of a vote, and hard-state files that are older: the disk never wrote what it had
 * reported.
 */
export function rotVoteIn(
  files: MemoryFiles,
  shard: ShardId,
  { stale, random }: VoteDamage,
): boolean {
  const site = dig(files);
  const found = findPromise(site, shard);
  if (found === undefined || !isConfirmed(site, found)) return false;
  const image = files.image();
  for (const [name, bytes] of stale) image.set(name, bytes);
  files.restore(image);
  flipIn(files, found, random, { isHeader: false });
  return true;
}

export function promiseCopies(files: MemoryFiles): Map<string, Uint8Array> {
  const names: readonly string[] = HARD_STATE_FILES;
  return new Map([...files.image()].filter(([name]) => names.includes(name)));
}

/** One bit of a row of a shard. Returns whether the shard had one. */
export function rotRow(state: MemoryState, shard: ShardId, random: Random): boolean {
  const rows = state.rows().filter(([key]) => {
    const view = new DataView(key.buffer, key.byteOffset, key.length);
    return key[0] === ROW_KIND && view.getUint32(1) === shard;
  });
  if (rows.length === 0) return false;
  const [key] = random.pick(rows);
  return state.damage(key, (value) => flipped(value, random));
}

export const ROT_STYLES = [
  'flips',
  'sector',
  'shorter',
  'longer',
  'missing',
  'stranger',
  'promise',
  'promises',
  'identity',
  'state record',
] as const;

type RotStyle = (typeof ROT_STYLES)[number];

/** A random place, except what no format can distinguish from a torn write. */
export function rotAnything(host: Host, random: Random): RotStyle | undefined {
  const { files, state } = host.disk;
  const site = dig(files);
  const image = files.image();
  const segments = [...image.keys()].filter((name) => epochOf(name) !== undefined);
  if (segments.length === 0) return undefined;
  const style = random.pick(ROT_STYLES);
  const segment = random.pick(segments);
  const size = image.get(segment)?.length ?? 0;
  switch (style) {
    case 'flips':
      flipAnywhere(files, image, { site, random });
      return style;
    case 'sector':
      spoilSector(files, { name: segment, size }, { site, random });
      return style;
    case 'shorter':
      files.resize(segment, random.pick([0, random.below(size)]));
      return style;
    case 'longer':
      files.resize(segment, size + random.between(1, 5000));
      return style;
    case 'missing':
      image.delete(segment);
      files.restore(image);
      return style;
    case 'stranger':
      image.set('lost+found', new Uint8Array(7));
      files.restore(image);
      return style;
    case 'promise':
      files.flip(random.pick(HARD_STATE_FILES), random.below(40), random.below(8));
      return style;
    case 'promises':
      for (const name of HARD_STATE_FILES) files.flip(name, random.below(12), random.below(8));
      return style;
    case 'identity':
      files.flip('identity', random.below(image.get('identity')?.length ?? 1), random.below(7));
      return style;
    case 'state record': {
      const records = state.rows().filter(([key]) => key[0] !== ROW_KIND);
      if (records.length === 0) return undefined;
      const [key] = random.pick(records);
      const isGone = random.chance(0.3);
      state.damage(key, (value) => (isGone ? undefined : flipped(value, random)));
      return style;
    }
  }
}

function flipAnywhere(
  files: MemoryFiles,
  image: ReadonlyMap<string, Uint8Array>,
  { site, random }: { readonly site: Site; readonly random: Random },
): void {
  const names = [...image.keys()].filter((name) => epochOf(name) !== undefined);
  for (let left = random.pick([1, 3, 30]); left > 0; left--) {
    const name = random.pick(names);
    const isLast = site.unconfirmed?.name === name;
    const size = isLast ? (site.unconfirmed?.offset ?? 0) : (image.get(name)?.length ?? 0);
    // Most of the content is at the beginning.
    const reach = random.chance(0.5) ? Math.min(size, 16_384) : size;
    if (reach > 0) files.flip(name, random.below(reach), random.below(8));
  }
}

const SECTOR_BYTES = 512;

function spoilSector(
  files: MemoryFiles,
  { name, size }: { readonly name: string; readonly size: number },
  { site, random }: { readonly site: Site; readonly random: Random },
): void {
  const isLast = site.unconfirmed?.name === name;
  const end = isLast ? (site.unconfirmed?.offset ?? 0) : size;
  const sectors = Math.floor(end / SECTOR_BYTES);
  if (sectors > 0) files.spoil(name, random.below(sectors) * SECTOR_BYTES);
}

function flipped(value: Uint8Array, random: Random): Uint8Array {
  if (value.length === 0) return value;
  const at = random.below(value.length);
  value[at] = (value[at] as number) ^ (1 << random.below(8));
  return value;
}
