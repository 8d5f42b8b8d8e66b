/** Ids of transactions: the client, the sequence, and the position of the home shard. */

import { MACHINE_LIMITS } from '../base/limits.ts';
import type { Reader, Writer } from '../base/message-pack.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { RING_SPAN } from '../ring/arc.ts';
import { CLIENT_BYTES } from './batch.ts';
import { areEqual } from './bytes.ts';

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

export function writeId(writer: Writer, { home, client, sequence }: TransactionId): void {
  writer.array(3);
  writer.count(home);
  writer.bytes(client);
  writer.count(sequence);
}

/** The client is a view. */
export function readId(reader: Reader): TransactionId {
  reader.tuple(3);
  const home = reader.count();
  const client = reader.bytes(CLIENT_BYTES);
  const sequence = reader.count();
  if (home >= RING_SPAN || client.length !== CLIENT_BYTES) reader.break();
  return { home, client, sequence };
}

export function writeContender(writer: Writer, contender: Contender): void {
  writer.array(3);
  writeId(writer, contender.id);
  writeRank(writer, contender);
}

export function writeContenderOrNone(writer: Writer, contender: Contender | undefined): void {
  if (contender === undefined) writer.array(0);
  else writeContender(writer, contender);
}

/** The fields behind the id. */
export function writeRank(writer: Writer, { attempts, age }: Rank): void {
  writer.count(attempts);
  writer.count(age);
}

export function readRank(reader: Reader): Rank {
  const attempts = reader.count();
  return { attempts, age: reader.count() };
}

type Rank = Pick<Contender, 'attempts' | 'age'>;

export function readContender(reader: Reader): Contender {
  reader.tuple(3);
  return readRest(reader);
}

/** A contender, or an empty array for none. */
export function readContenderOrNone(reader: Reader): Contender | undefined {
  const length = reader.array(3, 0);
  if (length === 3) return readRest(reader);
  if (length !== 0) reader.break();
  return undefined;
}

function readRest(reader: Reader): Contender {
  const id = readId(reader);
  return { id, ...readRank(reader) };
}

/** A unique text for a transaction, for tables and for people. */
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
