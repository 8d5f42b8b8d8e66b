/** Resume tokens: what a watch has told, as text that may be stored anywhere. */

import { KvError } from '../base/errors.ts';
import { hash } from '../base/hash.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { KeyRange } from './core/range.ts';
import type { ResumePoint } from './core/streams/watch-call.ts';

/** What a watch covers. A token fits only watches of the same shape. */
export interface WatchShape {
  readonly range: KeyRange;
  /** The prefix of all its keys. */
  readonly space: Uint8Array;
}

const VERSION = 1;
/** An arc takes about thirty bytes, so a cluster has to have far more shards than any has. */
const TEXT_MAX = 4 * 1024 * 1024;
const HEAD = 5;
const ARC_ELEMENTS = 5;
const ARC_BYTES_MIN = 6;
const writer = new Writer();

/**
 * `[1, cluster, cluster, range, range, [from, to, index, term, skip] …]`, two words of a hash each.
 * Arcs of the ring, not numbers of shards: what they name stays when shards are split.
 */
export function encodeToken({ cluster, arcs }: ResumePoint, shape: WatchShape): string {
  const digests = [...cluster, ...digestsOf(shape)];
  writer.clear();
  writer.array(HEAD + arcs.length);
  writer.count(VERSION);
  for (const digest of digests) writer.count(digest);
  for (const { from, to, mark } of arcs) {
    writer.array(ARC_ELEMENTS);
    for (const count of [from, to, mark.position.index, mark.position.term, mark.skip]) {
      writer.count(count);
    }
  }
  return Buffer.from(writer.take()).toString('base64url');
}

/** Throws `bad-token`. Whether the cluster fits is found out with the first map. */
export function decodeToken(token: string, shape: WatchShape): ResumePoint {
  if (typeof token !== 'string' || token.length > TEXT_MAX) throw badToken(NO_TOKEN);
  const bytes = new Uint8Array(Buffer.from(token, 'base64url'));
  // A damaged text may be decoded to bytes of another one.
  if (Buffer.from(bytes).toString('base64url') !== token) throw badToken(NO_TOKEN);
  const reader = new Reader(bytes);
  const length = reader.array(bytes.length, 1);
  const version = reader.count();
  const cluster = [reader.count(), reader.count()] as const;
  const range = [reader.count(), reader.count()];
  const arcs = Array.from({ length: arcCount(reader, length) }, () => readArc(reader));
  if (reader.isBroken || reader.left > 0 || version !== VERSION) throw badToken(NO_TOKEN);
  const [first, second] = digestsOf(shape);
  if (range[0] !== first || range[1] !== second) {
    throw badToken('it belongs to a watch of another space or range');
  }
  return { cluster, arcs };
}

const NO_TOKEN = 'it is no token of a watch';

/** No more than the bytes that are left can hold. */
function arcCount(reader: Reader, length: number): number {
  const count = length - HEAD;
  if (count >= 1 && count * ARC_BYTES_MIN <= reader.left) return count;
  reader.break();
  return 0;
}

function readArc(reader: Reader): ResumePoint['arcs'][number] {
  reader.tuple(ARC_ELEMENTS);
  const [from, to] = [reader.count(), reader.count()];
  const position = { index: reader.count(), term: reader.count() };
  return { from, to, mark: { position, skip: reader.count() } };
}

function digestsOf({ range, space }: WatchShape): readonly [number, number] {
  const digester = new Writer();
  digester.bytes(space);
  digester.bytes(range.from);
  digester.bytes(range.to);
  const bytes = digester.take();
  return [hash(bytes, 0), hash(bytes, 1)];
}

function badToken(why: string): KvError {
  const message = `the resume token does not fit this watch: ${why}`;
  return new KvError({ code: 'bad-token', outcome: 'notApplied', message });
}
