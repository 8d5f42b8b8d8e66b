/** Steps that no sound leader proposes, and names and numbers at the edge of what there is. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { NUMBER_MAX } from '../../src/base/ids.ts';
import { MACHINE_LIMITS, ROW_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { TransactionStep } from '../../src/machine/entry.ts';
import { decodeReply } from '../../src/machine/reply.ts';
import { SECTION } from '../../src/machine/section.ts';
import type { Prepare, TransactionRefusal } from '../../src/machine/transaction.ts';
import {
  decodeDecide,
  decodePrepare,
  decodeTransaction,
  encodeConclusion,
  encodeDecide,
  encodeIds,
  encodePrepare,
  encodeResolutions,
  encodeTransaction,
} from '../../src/machine/transaction-codec.ts';
import { idFromText, idName, idText, plausibleRank } from '../../src/machine/transaction-id.ts';
import { clientOf, put, START, sayAll } from './machine-rig.ts';
import {
  ABORTED,
  abortBytes,
  commitBytes,
  nameOf,
  prepareBytes,
  TransactionRig,
} from './transaction-rig.ts';

const PREPARE = decodePrepare(prepareBytes([put('a', 'x')])) as Prepare;
const DECIDE = { ...PREPARE, proposal: { type: 'abort', because: ABORTED } } as const;
const ID = nameOf();

function behind(bytes: Uint8Array): Uint8Array {
  return Uint8Array.of(...bytes, 0);
}

function prepareWith(changes: Partial<Prepare>): Uint8Array {
  return encodePrepare({ ...PREPARE, ...changes });
}

function because(reply: TransactionRefusal): Uint8Array {
  return encodeDecide({ ...DECIDE, proposal: { type: 'abort', because: reply } });
}

const position = 0;
const NOTHING = { commits: [], resolutions: [], cleared: [] };
const MALFORMED: Readonly<Record<string, readonly [TransactionStep, Uint8Array]>> = {
  'no bytes of a prepare': ['prepare', new Uint8Array()],
  'a prepare with a byte behind it': ['prepare', behind(prepareBytes([put('a', 'x')]))],
  'a prepare without operations': ['prepare', prepareWith({ operations: [] })],
  'a prepare without participants': ['prepare', prepareWith({ participants: [], at: 0 })],
  'a prepare of one too many': ['prepare', prepareWith({ at: 2 })],
  'a client of 15 bytes': ['prepare', prepareWith({ id: { ...ID, client: new Uint8Array(15) } })],
  'a home beyond the ring': ['prepare', prepareWith({ id: { ...ID, home: 2 ** 32 } })],
  'a participant beyond the ring': [
    'prepare',
    prepareWith({ participants: [{ position: 2 ** 32, deadline: START }], at: 0 }),
  ],
  'no bytes of a decision': ['decide', new Uint8Array()],
  'a decision with a byte behind it': ['decide', behind(abortBytes())],
  'a commit with a version too few': ['decide', commitBytes([], { versions: [1] })],
  'a commit with a version too many': [
    'decide',
    commitBytes([put('a', 'x')], { versions: [1, 2] }),
  ],
  'a decision without participants': ['decide', encodeDecide({ ...DECIDE, participants: [] })],
  'an abort because the window is full': [
    'decide',
    because({ type: 'refused', reason: 'window-full', position }),
  ],
  'an abort because of bytes': [
    'decide',
    because({ type: 'refused', reason: 'malformed', position }),
  ],
  'no bytes of resolutions': ['resolve', new Uint8Array()],
  'no resolutions': ['resolve', encodeResolutions([])],
  'too many resolutions': [
    'resolve',
    encodeResolutions(
      Array.from({ length: TRANSACTION_LIMITS.resolutionsMax + 1 }, () => {
        return { id: ID, isCommitted: true, deadline: 0 };
      }),
    ),
  ],
  'resolutions with a byte behind them': [
    'resolve',
    behind(encodeResolutions([{ id: ID, isCommitted: true, deadline: 0 }])),
  ],
  'nothing to be cleared': ['clear', encodeIds([])],
  'no bytes of a conclusion': ['conclude', new Uint8Array()],
  'a conclusion of nothing': ['conclude', encodeConclusion(NOTHING)],
  'a conclusion with a byte behind it': [
    'conclude',
    behind(encodeConclusion({ ...NOTHING, cleared: [ID] })),
  ],
  'a commit of no bytes in a conclusion': [
    'conclude',
    encodeConclusion({ ...NOTHING, commits: [new Uint8Array()] }),
  ],
  'a commit with operations in a conclusion': [
    'conclude',
    encodeConclusion({ ...NOTHING, commits: [commitBytes([put('b', 'x')], { sequence: 31 })] }),
  ],
  'an abort in a conclusion': [
    'conclude',
    encodeConclusion({ ...NOTHING, commits: [abortBytes({ sequence: 31 })] }),
  ],
  'names with a byte behind them': ['clear', behind(encodeIds([ID]))],
};

for (const [what, [type, bytes]] of Object.entries(MALFORMED)) {
  test(`${what}: refused, and only log time advances`, () => {
    const rig = new TransactionRig();
    rig.prepare([put('a', 'x')]);
    rig.commit([put('b', 'x')], { sequence: 30 });
    const before = Object.values(SECTION).map((section) => rig.shard.rows.in(section));
    sayAll(rig.shard.apply({ type, bytes }), ['refused malformed at 0']);
    rig.shard.time += 1;
    sayAll(rig.shard.apply({ type, bytes }), ['refused malformed at 0']);
    equal(rig.shard.machine.metadata.logTime, START + 1);
    const after = Object.values(SECTION).map((section) => rig.shard.rows.in(section));
    const isTimeless = (_: unknown, section: number) => section !== SECTION.metadata;
    deepEqual(after.filter(isTimeless), before.filter(isTimeless));
  });
}

test('an abort without a refusal is malformed', () => {
  const sound = because({ type: 'check-failed', position: 1, version: 2 });
  equal(decodeDecide(sound)?.proposal.type, 'abort');
  const reply = decodeReply(Uint8Array.of(0x93, 0, 7, 0x90));
  equal(reply?.type, 'done');
  equal(decodeDecide(because(reply as never)), undefined);
});

test('the last of all sequences is valid', () => {
  const rig = new TransactionRig();
  const last = { sequence: NUMBER_MAX };
  equal(rig.prepare([put('a', 'x')], last), 'done at 2');
  rig.resolve(false, last, { ...last, client: 5 });
  equal(rig.prepare([put('a', 'x')], { ...last, client: 5 }), 'refused aborted at 0');
  equal(rig.commit([put('a', 'x')], { ...last, client: 6 }), 'committed at 5 900');
});

test('a part that would not fit its row is malformed', () => {
  const value = new Uint8Array(16 * 1024 * 1024 - 4096);
  const large = { type: 'set', key: new Uint8Array(4096), value, lifeMilliseconds: 0 } as const;
  const left =
    ROW_LIMITS.valueBytesMax - 64 - encodePrepare({ ...PREPARE, operations: [large] }).length;
  const filler = { ...large, key: Uint8Array.of(1), value: new Uint8Array(left - 12) };
  const fits = encodePrepare({ ...PREPARE, operations: [large, filler] });
  const longer = { ...filler, value: new Uint8Array(filler.value.length + 30) };
  const tooLong = encodePrepare({ ...PREPARE, operations: [large, longer] });
  const rig = new TransactionRig();
  equal(decodePrepare(fits)?.operations.length, 2);
  equal(decodePrepare(tooLong), undefined);
  rig.shard.apply({ type: 'prepare', bytes: fits });
  rig.rebuild();
  equal(rig.prepared, 1);
});

test('a transaction names each shard once, and a sequence', () => {
  const part = { epoch: 1, deadline: START, operations: [put('a', 'x')] };
  const parts = [1, 2].map((shard) => ({ ...part, shard }));
  const transaction = { client: clientOf(1), sequence: 4, attempts: 2, age: 9, parts };
  const isOne = (changes: Partial<typeof transaction>) =>
    decodeTransaction(encodeTransaction({ ...transaction, ...changes })) !== undefined;
  equal(isOne({}), true);
  equal(isOne({ parts: [...parts, { ...part, shard: 1 }] }), false);
  equal(isOne({ parts: [] }), false);
  equal(isOne({ parts: parts.map((one) => ({ ...one, operations: [] })) }), false);
  equal(isOne({ sequence: NUMBER_MAX }), true);
  equal(isOne({ client: new Uint8Array(15) }), false);
});

test('all parts of a transaction together have as many operations as an entry may', () => {
  const { operationsMax } = MACHINE_LIMITS;
  const partOf = (shard: number, operations: number) => {
    return { shard, epoch: 1, deadline: START, operations: Array(operations).fill(put('a', 'x')) };
  };
  const isOne = (...counts: readonly number[]) => {
    const parts = counts.map((operations, at) => partOf(at + 1, operations));
    const transaction = { client: clientOf(1), sequence: 4, attempts: 2, age: 9, parts };
    return decodeTransaction(encodeTransaction(transaction)) !== undefined;
  };
  equal(isOne(operationsMax - 1, 1), true);
  equal(isOne(operationsMax, 1), false);
  equal(isOne(operationsMax + 1), false);
});

test('an id as a text decodes to the id again, and no other text is one', () => {
  const id = { home: 0xfedcba98, client: clientOf(0xab), sequence: 2 ** 52 - 1 };
  const text = `fedcba98-${'ab'.repeat(16)}-4503599627370495`;
  equal(idText(id), text);
  deepEqual(idFromText(text), id);
  for (const other of ['', text.toUpperCase(), ` ${text}`, `${text}0`, text.replace('-', '')]) {
    equal(idFromText(other), undefined, other);
  }
});

test('the priority that a client states is limited to plausible values', () => {
  const { timeoutMillisecondsMax: longest } = MACHINE_LIMITS;
  const { attemptsMax } = TRANSACTION_LIMITS;
  const now = 2 * longest;
  const rankOf = (attempts: number, age: number) => plausibleRank({ attempts, age }, now);
  deepEqual(rankOf(3, now - 5), { attempts: 3, age: now - 5 });
  deepEqual(rankOf(attemptsMax + 1, 0), { attempts: attemptsMax, age: now - longest });
  deepEqual(rankOf(0, now + 1), { attempts: 0, age: now });
});

test('every part of an id, and each of its bytes, makes another name', () => {
  const id = { home: 0x1234_5678, client: new Uint8Array(16).fill(7), sequence: 2 ** 40 + 9 };
  const ids = [id];
  for (const bit of [0, 15, 16, 31]) ids.push({ ...id, home: (id.home ^ (1 << bit)) >>> 0 });
  for (const bit of [0, 15, 16, 31, 32, 47, 48, 52]) {
    ids.push({ ...id, sequence: id.sequence + 2 ** bit });
  }
  for (let at = 0; at < id.client.length; at++) {
    const client = id.client.slice();
    client[at] = 8;
    ids.push({ ...id, client });
  }
  equal(new Set(ids.map(idName)).size, ids.length);
  equal(idName({ ...id, client: id.client.slice() }), idName(id));
});
