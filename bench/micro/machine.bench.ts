/** The cost of applying apart from the store: the machine on rows in memory. */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Command, Operation } from '../../src/machine/command.ts';
import { encodeEntry } from '../../src/machine/entry.ts';
import { Machine } from '../../src/machine/machine.ts';
import { type RowWrite, SECTION, type StateSource } from '../../src/machine/section.ts';
import { Histories } from '../../src/shard/histories.ts';
import { type BenchRow, type BenchTask, measure } from './report.ts';

const EPOCH = 1;
const TIME = 1_000_000;
/** Commands of one call. */
const COMMANDS = 256;
const BATCH = 64;
const CLIENT = new Uint8Array(16).fill(9);
const VALUE = new Uint8Array(256).fill(7);
/** Stored rows: a version, no expiry, a value. */
const ROW = Uint8Array.of(0x93, 1, 0, 0xc5, 1, 0, ...VALUE);
const COUNTED = Uint8Array.of(0x93, 1, 0, 0xc4, 1, 5);
const ONE = { high: 0, low: 1 };
/** Requests that the client has open meanwhile. */
const OPEN = [8, 256, 2047];

export async function run(): Promise<BenchRow[]> {
  return measure([
    task('put', 1, (at) => [put(at, 0)]),
    task('put, recorded', 1, (at) => [put(at, 0)], { isRecording: true }),
    task(`put in a batch of ${BATCH}`, BATCH, (at) => [put(at, 0)]),
    task('check and put', 1, (at) => [
      { type: 'check-presence', key: keyOf(at), isThere: true },
      put(at, 0),
    ]),
    task('add', 1, (at) => [{ type: 'add', key: keyOf(at), operand: ONE, lifeMilliseconds: 0 }], {
      row: COUNTED,
    }),
    task('put that lives for a while', 1, (at) => [put(at, 60_000)]),
    duplicate(),
    ...OPEN.map(whileOthersAreOpen),
  ]);
}

/** Every key has the same row; of the writes only the client's session is kept. */
class Rows implements StateSource {
  readonly #row: Uint8Array;
  #session: Uint8Array | undefined;
  /** By the number of a slot, which is last in its key. */
  readonly #slots = new Map<number, Uint8Array>();

  constructor(row: Uint8Array) {
    this.#row = row;
  }

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    if (section === SECTION.values) return this.#row;
    if (section === SECTION.replies) return this.#slots.get(slotIn(key));
    return section === SECTION.sessions ? this.#session : undefined;
  }

  take(writes: readonly RowWrite[]): number {
    let bytes = 0;
    for (const { section, key, value } of writes) {
      bytes += value?.length ?? 0;
      if (section === SECTION.replies && value !== undefined) {
        this.#slots.set(slotIn(key), value.slice());
      }
      if (section === SECTION.sessions) this.#session = value?.slice();
    }
    return bytes;
  }

  forget(): void {
    this.#session = undefined;
    this.#slots.clear();
  }

  forgetSlot(slot: number): void {
    this.#slots.delete(slot);
  }
}

function slotIn(key: Uint8Array): number {
  return ((key.at(-2) ?? 0) << 8) | (key.at(-1) ?? 0);
}

function keyOf(at: number): Uint8Array {
  return new TextEncoder().encode(`user:${String(at).padStart(11, '0')}`);
}

function put(at: number, lifeMilliseconds: number): Operation {
  return { type: 'set', key: keyOf(at), value: VALUE, lifeMilliseconds };
}

/** A client that has the answer to each batch when it sends the next one. */
function payloadOf(batchNumber: number, commands: readonly Command[]): Uint8Array {
  return payloadIn(batchNumber * MACHINE_LIMITS.sessionSlots, commands);
}

function payloadIn(sequence: number, commands: readonly Command[]): Uint8Array {
  const deadline = TIME + 10_000;
  const batch = encodeBatch({ client: CLIENT, deadline, sequence, commands });
  return encodeEntry(
    { time: TIME, epoch: EPOCH, valueBytesMax: MACHINE_LIMITS.valueBytesMax },
    { type: 'batch', batch },
  );
}

function task(
  name: string,
  size: number,
  commandAt: (at: number) => Command,
  { row = ROW, isRecording = false } = {},
): BenchTask {
  const payloads = Array.from({ length: COMMANDS / size }, (_, batch) =>
    payloadOf(
      batch * size,
      Array.from({ length: size }, (_, at) => commandAt(batch * size + at)),
    ),
  );
  const rows = new Rows(row);
  const apply = applier(rows, isRecording);
  const work = () => {
    rows.forget();
    return payloads.reduce((sum, payload) => sum + apply(payload), 0);
  };
  return { name: `machine: ${name}`, operations: COMMANDS, work };
}

/** The same bytes over and over: answered with the remembered reply. */
function duplicate(): BenchTask {
  const payload = payloadOf(0, [[put(0, 0)]]);
  const apply = applier(new Rows(ROW));
  const work = () => {
    let sum = 0;
    for (let count = 0; count < COMMANDS; count++) sum += apply(payload);
    return sum;
  };
  return { name: 'machine: put that comes again', operations: COMMANDS, work };
}

/** One slot is used again and again, while the replies of others are remembered. */
function whileOthersAreOpen(open: number): BenchTask {
  const rows = new Rows(ROW);
  const apply = applier(rows);
  for (let at = 1; at <= open; at++) apply(payloadIn(at, [[put(at, 0)]]));
  const payloads = Array.from({ length: COMMANDS }, (_, at) => payloadOf(at, [[put(at, 0)]]));
  const work = () => {
    rows.forgetSlot(0);
    return payloads.reduce((sum, payload) => sum + apply(payload), 0);
  };
  return { name: `machine: put, ${open} requests open`, operations: COMMANDS, work };
}

/** Recorded changes are added to a history, as a replica does. */
function applier(rows: Rows, isRecording = false): (payload: Uint8Array) => number {
  const machine = new Machine({ source: rows });
  const arc = { from: 0, to: 2 ** 32 };
  const adopt = encodeEntry(
    { time: TIME, epoch: 0, valueBytesMax: MACHINE_LIMITS.valueBytesMax },
    { type: 'adopt', epoch: EPOCH, arc },
  );
  machine.apply({ index: 1, payload: adopt });
  const milliseconds = MACHINE_LIMITS.recordMillisecondsMax;
  const stamp = { time: TIME, epoch: EPOCH, valueBytesMax: MACHINE_LIMITS.valueBytesMax };
  const record = encodeEntry(stamp, { type: 'record-changes', milliseconds });
  if (isRecording) machine.apply({ index: 1, payload: record });
  const histories = new Histories({ bytesMax: WATCH_LIMITS.historyBytesDefault });
  const history = histories.open({ index: 1, term: 1 });
  let index = 1;
  return (payload) => {
    index += 1;
    const outcome = machine.apply({ index, payload });
    if (outcome.type === 'unknown') throw new Error('every entry is known');
    histories.add(history, { index, term: 1 }, outcome.changes);
    return rows.take(outcome.writes) + outcome.replies.length;
  };
}
