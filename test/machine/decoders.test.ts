/** Damaged bytes: no decoder throws, and whatever is understood has no other spelling. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Reader, Writer } from '../../src/base/message-pack.ts';
import { Random } from '../../src/base/random.ts';
import { decodeBatch, encodeBatch } from '../../src/machine/batch.ts';
import type { CheckRange } from '../../src/machine/command.ts';
import { decodeDueKey, dueKeyOf } from '../../src/machine/due-key.ts';
import { decodeEntry, encodeEntry, type TransactionStep } from '../../src/machine/entry.ts';
import { decodeFence, writeFence } from '../../src/machine/fences.ts';
import { decodeInteger, encodeInteger } from '../../src/machine/int64.ts';
import {
  decodeLease,
  decodeLeaseIds,
  encodeLeaseIds,
  writeLease,
} from '../../src/machine/lease.ts';
import { decodeTombstone, writeTombstone } from '../../src/machine/lease-tombstones.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply, encodeReply } from '../../src/machine/reply.ts';
import { decodeRow, writeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import {
  decodeSession,
  decodeSlotReplies,
  decodeVerdicts,
  type ReplyRun,
  writeSession,
  writeSlotReplies,
  writeVerdict,
} from '../../src/machine/session.ts';
import { decodeMetadata, writeMetadata } from '../../src/machine/shard-metadata.ts';
import { decodeTicket, writeTicket } from '../../src/machine/ticket.ts';
import {
  decodeDecide,
  decodeIds,
  decodeOperations,
  decodePrepare,
  decodeResolutions,
  decodeTransaction,
  encodeDecide,
  encodeIds,
  encodeOperations,
  encodePrepare,
  encodeResolutions,
  encodeTransaction,
} from '../../src/machine/transaction-codec.ts';
import { CONTENDER, idFromText, idText } from '../../src/machine/transaction-id.ts';
import { byEffort } from '../support/effort.ts';
import { mutate } from '../support/mutate.ts';
import { CoordinationReference } from './coordination-reference.ts';
import { CoordinationTraffic } from './coordination-traffic.ts';
import { MachineRig, Rows } from './machine-rig.ts';
import { Traffic } from './traffic.ts';

const ROUNDS = byEffort({ full: 60_000, brief: 6000 });

interface Codec {
  readonly name: string;
  readonly corpus: readonly Uint8Array[];
  /** The bytes of what was understood; undefined for what was not. */
  respell(bytes: Uint8Array): Uint8Array | undefined;
}

function written(write: (writer: Writer) => void): Uint8Array {
  const writer = new Writer();
  write(writer);
  return writer.take();
}

/** The codec of what is made of bytes and back by two functions. */
function codec<T>(
  name: string,
  corpus: readonly Uint8Array[],
  [decode, encode]: readonly [(bytes: Uint8Array) => T | undefined, (value: T) => Uint8Array],
): Codec {
  const respell = (bytes: Uint8Array) => {
    const value = decode(bytes);
    return value === undefined ? undefined : encode(value);
  };
  return { name, corpus, respell };
}

/** Goes on with entries about leases, locks and fences; what the shard keeps of them. */
function coordinate(
  rig: MachineRig,
  { entries, replies }: Record<'entries' | 'replies', Uint8Array[]>,
) {
  const start = { epoch: 1000, time: 2_000_000, index: rig.index };
  const reference = new CoordinationReference();
  const coordinated = new CoordinationTraffic(new Random(8), reference, start);
  rig.applyPayload(coordinated.first().payload);
  const rowsOf = (section: number) =>
    rig.rows.in(section).flatMap(({ key, value }) => (key.length > 0 ? [value] : []));
  const keeps: Uint8Array[] = [];
  const tickets: Uint8Array[] = [];
  for (let count = 0; count < 400; count++) {
    const { payload, body } = coordinated.next();
    entries.push(payload);
    rig.index += 1;
    const outcome = rig.machine.apply({ index: rig.index, payload });
    ok(outcome.type === 'applied');
    rig.rows.apply(outcome.writes);
    if (body.type === 'keep-leases') keeps.push(...outcome.replies);
    else replies.push(...outcome.replies);
    if (count % 40 === 0) tickets.push(...rowsOf(SECTION.tickets));
  }
  const [leases, tombstones] = [rowsOf(SECTION.leases), rowsOf(SECTION.tombstones)];
  return { keeps, tickets, leases, tombstones, fences: rowsOf(SECTION.fences) };
}

/** What a shard holds and says after some traffic. */
function corpora() {
  const traffic = new Traffic(new Random(9));
  const rig = new MachineRig();
  const entries = [traffic.first().payload];
  const replies: Uint8Array[] = [];
  const kept = {
    rows: [] as Uint8Array[],
    sessions: [] as Uint8Array[],
    slots: [] as Uint8Array[],
  };
  for (let count = 0; count < 600; count++) {
    const { payload } = traffic.next();
    entries.push(payload);
    for (const reply of rig.applyPayload(payload)) replies.push(encodeReply(reply));
    if (count % 20 > 0) continue;
    kept.rows.push(...rig.rows.in(SECTION.values).map(({ value }) => value));
    kept.sessions.push(...rig.rows.in(SECTION.sessions).map(({ value }) => value));
    kept.slots.push(...rig.rows.in(SECTION.replies).map(({ value }) => value));
  }
  const coordination = coordinate(rig, { entries, replies });
  kept.rows.push(...rig.rows.in(SECTION.values).map(({ value }) => value));
  const dueKeys = rig.rows.in(SECTION.expiries).map(({ key }) => key);
  const metadata = rig.rows.in(SECTION.metadata).map(({ value }) => value);
  const decoded = entries.map((payload) => decodeEntry(payload));
  const batches = decoded.flatMap((entry) =>
    typeof entry === 'object' && entry.type === 'batch' ? [entry.batch] : [],
  );
  const stepsOf = (type: TransactionStep) =>
    decoded.flatMap((entry) =>
      typeof entry === 'object' && entry.type === type && 'bytes' in entry ? [entry.bytes] : [],
    );
  const steps = {
    prepares: stepsOf('prepare'),
    decides: stepsOf('decide'),
    resolutions: stepsOf('resolve'),
    ids: stepsOf('clear'),
  };
  const prepares = steps.prepares.flatMap((bytes) => decodePrepare(bytes) ?? []);
  const operations = prepares.map((prepare) => encodeOperations(prepare.operations));
  operations.push(encodeOperations([RANGE]), encodeOperations([{ ...RANGE, to: RANGE.key }]));
  const transactions = prepares.map(({ id, attempts, age, participants, ...rest }) => {
    const part = { operations: [RANGE, ...rest.operations] };
    const parts = participants.map(({ position, deadline }) => {
      return { ...part, shard: position, epoch: rest.at, deadline };
    });
    return encodeTransaction({ client: id.client, sequence: id.sequence, attempts, age, parts });
  });
  const contenders = prepares.map(({ id, attempts, age }) =>
    written((writer) => CONTENDER.write(writer, { id, attempts, age })),
  );
  const names = prepares.map(({ id }) => new TextEncoder().encode(idText(id)));
  const runs = kept.slots.flatMap((bytes) => decodeSlotReplies(bytes)?.runs ?? []);
  return {
    ...{ entries, batches, replies, dueKeys, metadata, runs, ...kept },
    ...coordination,
    ...{ ...steps, operations, transactions, contenders, names },
  };
}

const RANGE: CheckRange = {
  type: 'check-range',
  key: Uint8Array.of(1, 2),
  to: new Uint8Array(),
  count: 300,
  seenAt: 70_000,
};

const CORPORA = corpora();
const RUN: ReplyRun = { first: 0, count: 2, version: 9, verdicts: new Uint8Array(0) };

const CODECS: readonly Codec[] = [
  {
    name: 'entries',
    corpus: CORPORA.entries,
    respell: (bytes) => {
      const entry = decodeEntry(bytes);
      return typeof entry === 'string' ? undefined : encodeEntry(entry.stamp, entry);
    },
  },
  {
    name: 'batches',
    corpus: CORPORA.batches,
    respell: (bytes) => {
      const batch = decodeBatch(bytes);
      return batch === undefined ? undefined : encodeBatch(batch);
    },
  },
  {
    name: 'replies',
    corpus: CORPORA.replies,
    respell: (bytes) => {
      const reply = decodeReply(bytes);
      return reply === undefined ? undefined : encodeReply(reply);
    },
  },
  {
    name: 'rows',
    corpus: CORPORA.rows,
    respell: (bytes) => {
      const row = decodeRow(bytes);
      return row === undefined ? undefined : written((writer) => writeRow(writer, row));
    },
  },
  {
    name: 'sessions',
    corpus: CORPORA.sessions,
    respell: (bytes) => {
      const session = decodeSession(bytes);
      if (session === undefined) return undefined;
      return written((writer) => writeSession(writer, session));
    },
  },
  {
    name: 'slots',
    corpus: CORPORA.slots,
    respell: (bytes) => {
      const slot = decodeSlotReplies(bytes);
      if (slot === undefined) return undefined;
      return written((writer) => writeSlotReplies(writer, slot));
    },
  },
  {
    name: 'pairs of verdicts',
    corpus: CORPORA.runs.filter(({ count }) => count === 2).map(({ verdicts }) => verdicts),
    respell: (verdicts) => {
      const list = decodeVerdicts({ ...RUN, verdicts });
      if (list === undefined) return undefined;
      return written((writer) => {
        for (const verdict of list) writeVerdict(writer, verdict);
      });
    },
  },
  {
    name: 'metadata',
    corpus: CORPORA.metadata,
    respell: (bytes) => {
      const metadata = decodeMetadata(bytes);
      return metadata === undefined
        ? undefined
        : written((writer) => writeMetadata(writer, metadata));
    },
  },
  codec('replies to keeps', CORPORA.keeps, [decodeLeaseIds, encodeLeaseIds]),
  codec('leases', CORPORA.leases, [
    decodeLease,
    (lease) => written((writer) => writeLease(writer, lease)),
  ]),
  codec('tombstones of leases', CORPORA.tombstones, [
    decodeTombstone,
    (tombstone) => written((writer) => writeTombstone(writer, tombstone)),
  ]),
  codec('tickets', CORPORA.tickets, [
    decodeTicket,
    (ticket) => written((writer) => writeTicket(writer, ticket)),
  ]),
  codec('fences', CORPORA.fences, [
    decodeFence,
    (fence) => written((writer) => writeFence(writer, fence)),
  ]),
  codec('transactions', CORPORA.transactions, [decodeTransaction, encodeTransaction]),
  codec('prepares', CORPORA.prepares, [decodePrepare, encodePrepare]),
  codec('decisions', CORPORA.decides, [decodeDecide, encodeDecide]),
  codec('resolutions', CORPORA.resolutions, [decodeResolutions, encodeResolutions]),
  codec('lists of transactions', CORPORA.ids, [decodeIds, encodeIds]),
  codec('operations', CORPORA.operations, [decodeOperations, encodeOperations]),
  codec('contenders', CORPORA.contenders, [
    (bytes) => {
      const reader = new Reader(bytes);
      const contender = CONTENDER.read(reader);
      return reader.isBroken || reader.left > 0 ? undefined : contender;
    },
    (contender) => written((writer) => CONTENDER.write(writer, contender)),
  ]),
  codec('names of transactions', CORPORA.names, [
    (bytes) => idFromText(new TextDecoder().decode(bytes)),
    (id) => new TextEncoder().encode(idText(id)),
  ]),
  {
    name: 'keys of what is due',
    corpus: CORPORA.dueKeys,
    respell: (bytes) => {
      const due = decodeDueKey(bytes);
      return due === undefined ? undefined : dueKeyOf(due);
    },
  },
];

for (const { name, corpus, respell } of CODECS) {
  test(`${ROUNDS} mutated ${name} are refused, or encode to the same bytes`, () => {
    ok(corpus.length > 0);
    for (const bytes of corpus) deepEqual(respell(bytes), bytes);
    const random = new Random(3);
    const before = process.memoryUsage().heapUsed;
    let understood = 0;
    for (let round = 0; round < ROUNDS; round++) {
      let bytes = mutate(random, random.pick(corpus));
      while (bytes.length > 0 && random.chance(0.2)) bytes = mutate(random, bytes);
      const again = respell(bytes);
      if (again === undefined) continue;
      understood += 1;
      equal(Buffer.compare(again, bytes), 0, `${Buffer.from(bytes).toString('hex')}`);
    }
    ok(understood > 0 && understood < ROUNDS, `${understood} understood`);
    ok(process.memoryUsage().heapUsed - before < 100 * 1024 * 1024, 'memory stays flat');
  });
}

test(`${ROUNDS} mutated entries are applied without a throw, and the same way twice`, () => {
  const random = new Random(4);
  const replicas = [0, 1].map(() => {
    const rows = new Rows();
    return { rows, machine: new Machine({ source: rows }) };
  });
  const payloads = CORPORA.entries;
  let index = 0;
  for (let round = 0; round < ROUNDS; round++) {
    const sound = payloads[round % payloads.length] as Uint8Array;
    const payload = round < payloads.length ? sound : mutate(random, sound);
    index += 1;
    const outcomes = replicas.map(({ rows, machine }) => {
      const outcome = machine.apply({ index, payload });
      if (outcome.type === 'applied') rows.apply(outcome.writes);
      return outcome.type === 'applied' ? outcome.replies : outcome.type;
    });
    deepEqual(outcomes[0], outcomes[1]);
  }
  const [one, other] = replicas.map(({ rows }) =>
    Object.values(SECTION).map((section) => rows.in(section)),
  );
  deepEqual(one, other);
});

test('every integer of 64 bits in every encoding is read, and written in the shortest', () => {
  const random = new Random(6);
  for (let round = 0; round < ROUNDS; round++) {
    const length = random.pick([1, 2, 3, 5, 9]);
    const bytes = Uint8Array.from({ length }, () => random.below(256));
    const tags = { 1: [bytes[0] ?? 0], 2: [0xcc, 0xd0], 3: [0xcd, 0xd1], 5: [0xce, 0xd2] };
    bytes[0] = random.pick(tags[length as 1] ?? [0xcf, 0xd3]);
    if (random.chance(0.5)) bytes.fill(random.pick([0, 0xff]), 1, random.between(1, length));
    const value = decodeInteger(bytes);
    if (value === undefined) continue;
    const shortest = encodeInteger(value);
    ok(shortest.length <= bytes.length);
    deepEqual(decodeInteger(shortest), value);
  }
});
