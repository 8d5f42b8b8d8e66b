/** The payload of an entry: the leader's stamp, and the command. */

import { assert, unreachable } from '../base/assert.ts';
import { compareBytes } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { MACHINE_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import {
  bytesList,
  count,
  list,
  octets,
  type Schema,
  struct,
  truth,
  where,
} from '../base/schema.ts';
import { RING_SPAN } from '../ring/arc.ts';
import { type Arc, CLIENT_BYTES } from './batch.ts';
import { DUE_KEY_BYTES_MAX, DUE_KEY_BYTES_MIN } from './due-key.ts';
import { RULES } from './work.ts';

/** Set by the node that proposes the entry. */
export interface Stamp {
  /** Log time in milliseconds, no less than that of the entry before. */
  readonly time: number;
  /** The shard's epoch in the map that the client had. */
  readonly epoch: number;
  /**
   * The largest value that the leader is configured to accept. It is part of the entry because an
   * append is known to be too large only when it is applied, and every replica has to decide alike.
   */
  readonly valueBytesMax: number;
}

export type EntryBody =
  /** The bytes that a client sent: normally a batch. The leader has only validated them. */
  | { readonly type: 'batch'; readonly batch: Uint8Array }
  /** Rows of the index of expiries, in order, that the leader found due. */
  | { readonly type: 'expire'; readonly dueKeys: readonly Uint8Array[] }
  /** Clients, in the order of their ids, whose requests can no longer arrive. */
  | { readonly type: 'forget'; readonly clients: readonly Uint8Array[] }
  /** The arc that the shard owns from now on, unless it knows a later epoch. */
  | { readonly type: 'adopt'; readonly epoch: number; readonly arc: Arc }
  /** The shard records its changes from the next entry on, for so long at least. */
  | { readonly type: 'record-changes'; readonly milliseconds: number }
  /** Leases, in the order of their ids, that their clients keep alive. */
  | { readonly type: 'keep-leases'; readonly leases: readonly Uint8Array[] }
  /** Leases, in the order of their ids, that the leader found due or ended. */
  | { readonly type: 'end-leases'; readonly ends: readonly LeaseEnd[] }
  /** Names, in order, whose highest tokens the leader found too old to be kept. */
  | { readonly type: 'forget-fences'; readonly names: readonly Uint8Array[] }
  /** A step of transactions over several shards, encoded by `transaction-codec.ts`. */
  | { readonly type: TransactionStep; readonly bytes: Uint8Array };

/**
 * `prepare`: one part of one transaction. `stage`: the same in the home shard, and the transaction
 * is committed once every other part is prepared. `prevent`: a part that is not prepared never will
 * be. `decide`: the decision, in the home shard. `resolve`: the decisions of some transactions.
 * `clear`: decisions that all participants have acknowledged. `conclude`: what no client waits for,
 * in one entry: commits of staged transactions, resolutions, and decisions to be cleared.
 */
export type TransactionStep =
  | 'prepare'
  | 'stage'
  | 'prevent'
  | 'decide'
  | 'resolve'
  | 'clear'
  | 'conclude';

/** What an entry does to a lease that is due, or has ended. */
export interface LeaseEnd {
  readonly lease: Uint8Array;
  /** The index through which the shard was applied when the leader looked for attached keys. */
  readonly seenAt: number;
  /** It found no further key: the lease may be forgotten, unless it ended later. */
  readonly isLast: boolean;
  /** In order. */
  readonly keys: readonly Uint8Array[];
}

/** `rules`: the version of the rules by which it is applied, see `work.ts`. */
export type MachineEntry = EntryBody & { readonly stamp: Stamp; readonly rules: number };

/** Kinds of bodies. A number is never given a second meaning. */
const KIND = {
  batch: 1,
  expire: 2,
  forget: 3,
  adopt: 4,
  prepare: 5,
  decide: 6,
  resolve: 7,
  clear: 8,
  'record-changes': 9,
  'keep-leases': 10,
  'end-leases': 11,
  'forget-fences': 12,
  stage: 13,
  prevent: 14,
  conclude: 15,
} as const;
type Kind = keyof typeof KIND;
/** By number. */
const NAMES: readonly (Kind | undefined)[] = namesByNumber();
/** Of an array: kind, the stamp, and the fields of the body. */
const LENGTH = 6;
const LENGTH_OF_ADOPT = 8;
const LENGTH_MAX = 15;

/** What an entry takes beside its batch: headers, kind and stamp. */
export const STAMP_BYTES_MAX = 32;

const writer = new Writer();

/** Required: a body within `MACHINE_LIMITS`, lists strictly in order. */
export function encodeEntry(stamp: Stamp, body: EntryBody): Uint8Array {
  const { time, epoch, valueBytesMax } = stamp;
  assert(time <= MACHINE_LIMITS.timeMax, 'log time leaves room for expiry times');
  assert(valueBytesMax <= MACHINE_LIMITS.valueBytesMax, 'a value that is accepted can be applied');
  writer.clear();
  if (body.type === 'batch') writer.expect(STAMP_BYTES_MAX + body.batch.length);
  writer.array(body.type === 'adopt' ? LENGTH_OF_ADOPT : LENGTH);
  writer.count(KIND[body.type]);
  writer.count(RULES);
  writer.count(time);
  writer.count(epoch);
  writer.count(valueBytesMax);
  if (body.type === 'batch') {
    writer.bytes(body.batch);
  } else if (body.type === 'adopt') {
    writer.count(body.epoch);
    writer.count(body.arc.from);
    writer.count(body.arc.to);
  } else if (body.type === 'record-changes') {
    writer.count(body.milliseconds);
  } else if ('bytes' in body) {
    writer.bytes(body.bytes);
  } else if (body.type === 'end-leases') {
    ENDS.write(writer, body.ends);
  } else {
    const list = sweptBy(body);
    assert(list.length <= MACHINE_LIMITS.sweepKeysMax, 'a sweep is within its limit');
    writer.array(list.length);
    for (const bytes of list) writer.bytes(bytes);
  }
  return writer.take();
}

type Sweep = Extract<EntryBody, { type: 'expire' | 'forget' | 'keep-leases' | 'forget-fences' }>;

function sweptBy(body: Sweep): readonly Uint8Array[] {
  switch (body.type) {
    case 'expire':
      return body.dueKeys;
    case 'forget':
      return body.clients;
    case 'keep-leases':
      return body.leases;
    case 'forget-fences':
      return body.names;
    default:
      return unreachable(body);
  }
}

const ENDS: Schema<readonly LeaseEnd[]> = where(
  list(
    struct({
      lease: octets(COORDINATION_LIMITS.leaseIdBytes),
      seenAt: count(),
      isLast: truth,
      keys: bytesList({
        max: MACHINE_LIMITS.sweepKeysMax,
        bytesMax: MACHINE_LIMITS.keyBytesMax,
      }),
    }),
    { max: COORDINATION_LIMITS.keptLeasesMax },
  ),
  (ends) => {
    if (!areInOrder(ends.map(({ lease }) => lease))) return false;
    const keys = ends.flatMap((end) => end.keys);
    const bytes = keys.reduce((sum, { length }) => sum + length, 0);
    if (keys.some(({ length }) => length === 0)) return false;
    if (keys.length > MACHINE_LIMITS.sweepKeysMax || bytes > MACHINE_LIMITS.sweepBytesMax) {
      return false;
    }
    return ends.every((end) => areInOrder(end.keys));
  },
);

function areInOrder(keys: readonly Uint8Array[]): boolean {
  return keys.every((key, at) => at === 0 || compareBytes(keys[at - 1] as Uint8Array, key) < 0);
}

/**
 * An entry; or `malformed` for bytes that no correct node proposes, which have no effect on any
 * replica; or `unknown` for a kind or rules of a later version, at which a replica has to stop.
 */
export function decodeEntry(payload: Uint8Array): MachineEntry | 'malformed' | 'unknown' {
  const reader = new Reader(payload);
  const length = reader.array(LENGTH_MAX, 1);
  const kind = reader.count();
  if (reader.isBroken || kind === 0) return 'malformed';
  const type = NAMES[kind];
  if (type === undefined) return 'unknown';
  const rules = reader.count();
  if (reader.isBroken || rules === 0) return 'malformed';
  if (rules > RULES) return 'unknown';
  const time = reader.count();
  const epoch = reader.count();
  const valueBytesMax = reader.count();
  if (length !== (type === 'adopt' ? LENGTH_OF_ADOPT : LENGTH)) return 'malformed';
  const about = { rules, stamp: { time, epoch, valueBytesMax } };
  const entry = readBody(reader, type, about);
  const isSound = time <= MACHINE_LIMITS.timeMax && valueBytesMax <= MACHINE_LIMITS.valueBytesMax;
  if (entry === undefined || !isSound) return 'malformed';
  return reader.isBroken || reader.left > 0 ? 'malformed' : entry;
}

type About = Pick<MachineEntry, 'stamp' | 'rules'>;

function readBody(
  reader: Reader,
  type: MachineEntry['type'],
  about: About,
): MachineEntry | undefined {
  switch (type) {
    case 'batch':
      return { type, ...about, batch: reader.bytes(WIRE_LIMITS.payloadBytesMax) };
    case 'expire':
      return { type, ...about, dueKeys: readSweep(reader, DUE_KEY_BYTES_MIN, DUE_KEY_BYTES_MAX) };
    case 'forget':
      return { type, ...about, clients: readSweep(reader, CLIENT_BYTES, CLIENT_BYTES) };
    case 'adopt': {
      const epoch = reader.count();
      const arc = { from: reader.count(), to: reader.count() };
      if (epoch === 0 || arc.from >= arc.to || arc.to > RING_SPAN) return undefined;
      return { type, ...about, epoch, arc };
    }
    case 'record-changes': {
      const milliseconds = reader.count();
      const isSound = milliseconds > 0 && milliseconds <= MACHINE_LIMITS.recordMillisecondsMax;
      return isSound ? { type, ...about, milliseconds } : undefined;
    }
    case 'keep-leases': {
      const { leaseIdBytes } = COORDINATION_LIMITS;
      return { type, ...about, leases: readSweep(reader, leaseIdBytes, leaseIdBytes) };
    }
    case 'end-leases':
      return { type, ...about, ends: ENDS.read(reader) };
    case 'forget-fences':
      return { type, ...about, names: readSweep(reader, 1, COORDINATION_LIMITS.lockNameBytesMax) };
    case 'prepare':
    case 'stage':
    case 'prevent':
    case 'decide':
    case 'resolve':
    case 'clear':
    case 'conclude':
      return { type, ...about, bytes: reader.bytes(WIRE_LIMITS.payloadBytesMax) };
    default:
      return unreachable(type);
  }
}

function namesByNumber(): (Kind | undefined)[] {
  const names: (Kind | undefined)[] = new Array(Math.max(...Object.values(KIND)) + 1);
  names.fill(undefined);
  for (const [name, kind] of Object.entries(KIND)) names[kind] = name as Kind;
  return names;
}

/** Strictly ascending: no list has two encodings, and nothing is swept twice. */
function readSweep(reader: Reader, bytesMin: number, bytesMax: number): readonly Uint8Array[] {
  const count = reader.array(MACHINE_LIMITS.sweepKeysMax, bytesMin);
  const list: Uint8Array[] = [];
  let previous: Uint8Array | undefined;
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const bytes = reader.bytes(bytesMax);
    const isBehind = previous === undefined || compareBytes(previous, bytes) < 0;
    if (bytes.length < bytesMin || !isBehind) reader.break();
    list.push(bytes);
    previous = bytes;
  }
  return list;
}
