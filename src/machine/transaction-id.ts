/** Ids of transactions: the client, the sequence, and the position of the home shard. */

import { areEqual } from '../base/bytes.ts';
import { MACHINE_LIMITS } from '../base/limits.ts';
import { bytes, count, fields, optional, type Schema, struct, where } from '../base/schema.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { RING_SPAN } from '../ring/arc.ts';
import { CLIENT_BYTES } from './batch.ts';

/**
 * The home shard is the shard that holds the position, however the map changes: so the id is enough
 * to find it.
 */
export interface TransactionId {
  /** The position on the ring of the first key that the transaction locks in its home shard. */
  readonly home: number;
  readonly client: Uint8Array;
  /** Its slot remembers the decision at home, and in each shard the result of its part. */
  readonly sequence: number;
}

/**
 * Determines priority between two transactions that want the same key: more failed attempts,
 * counted in doublings, then the older one, then the smaller id. Attempts are counted by the
 * client; ages are log times of home shards, whose clocks differ.
 */
export interface Contender {
  readonly id: TransactionId;
  /** Failed attempts before this one. */
  readonly attempts: number;
  /** Log time of a home shard when its first attempt began; the same for all later ones. */
  readonly age: number;
}

/** A view. */
export const CLIENT = where(bytes(CLIENT_BYTES), ({ length }) => length === CLIENT_BYTES);

/** By hand, like the other fields of a prepare. */
export const TRANSACTION_ID: Schema<TransactionId> = {
  elements: 1,
  bytesMin: 1 + 1 + CLIENT.bytesMin + 1,
  write: (writer, { home, client, sequence }) => {
    writer.array(3);
    writer.count(home);
    writer.bytes(client);
    writer.count(sequence);
  },
  read: (reader) => {
    reader.tuple(3);
    const home = reader.count();
    if (home >= RING_SPAN) reader.break();
    return { home, client: CLIENT.read(reader), sequence: reader.count() };
  },
};

export const RANK = { attempts: count(), age: count() };
const CONTENDER_FIELDS = { id: TRANSACTION_ID, ...RANK };
export const CONTENDER: Schema<Contender> = struct(CONTENDER_FIELDS);
export const CONTENDER_OR_NONE: Schema<Contender | undefined> = optional(fields(CONTENDER_FIELDS));

type Rank = Pick<Contender, 'attempts' | 'age'>;

/**
 * A unique string for a transaction, for tables: sixteen bits a character, so that making it takes
 * an eighth of the time of a text for people. Clients cannot predict its hash.
 */
export function idName({ home, client, sequence }: TransactionId): string {
  const low = sequence >>> 0;
  const high = (sequence - low) / 0x1_0000_0000;
  return String.fromCharCode(
    home >>> 16,
    home & 0xffff,
    pairAt(client, 0),
    pairAt(client, 2),
    pairAt(client, 4),
    pairAt(client, 6),
    pairAt(client, 8),
    pairAt(client, 10),
    pairAt(client, 12),
    pairAt(client, 14),
    high >>> 16,
    high & 0xffff,
    low >>> 16,
    low & 0xffff,
  );
}

function pairAt(bytes: Uint8Array, at: number): number {
  return ((bytes[at] as number) << 8) | (bytes[at + 1] as number);
}

/** A unique text for a transaction, for people. */
export function idText({ home, client, sequence }: TransactionId): string {
  let text = hex(home >>> 24) + hex(home >>> 16) + hex(home >>> 8) + hex(home);
  text += '-';
  for (const byte of client) text += hex(byte);
  return `${text}-${sequence}`;
}

/** Undefined for a text that is no id. */
export function idFromText(text: string): TransactionId | undefined {
  const match = /^([0-9a-f]{8})-([0-9a-f]{32})-(0|[1-9][0-9]{0,15})$/.exec(text);
  if (match === null) return undefined;
  const [, home = '', client = '', sequence = ''] = match;
  const bytes = Uint8Array.from({ length: CLIENT_BYTES }, (_, at) => {
    return Number.parseInt(client.slice(2 * at, 2 * at + 2), 16);
  });
  return { home: Number.parseInt(home, 16), client: bytes, sequence: Number(sequence) };
}

/** Limits the rank that a client claims: many attempts and a small age win locks. */
export function plausibleRank({ attempts, age }: Rank, logTime: number): Rank {
  // No transaction lasts longer; log time never goes back, so a repetition is never older.
  const earliest = logTime - MACHINE_LIMITS.timeoutMillisecondsMax;
  return {
    attempts: Math.min(attempts, TRANSACTION_LIMITS.attemptsMax),
    age: Math.min(Math.max(age, earliest), logTime),
  };
}

export function isSameId(one: TransactionId, other: TransactionId): boolean {
  if (one.sequence !== other.sequence || one.home !== other.home) return false;
  return areEqual(one.client, other.client);
}

/** A copy that outlives the buffer of the original. */
export function copyOfId({ home, client, sequence }: TransactionId): TransactionId {
  return { home, client: client.slice(), sequence };
}

const HEX = Array.from({ length: 0x100 }, (_, byte) => byte.toString(16).padStart(2, '0'));

function hex(byte: number): string {
  return HEX[byte & 0xff] as string;
}
