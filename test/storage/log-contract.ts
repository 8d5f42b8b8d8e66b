/** The contract of the log port, on any file system. */

import assert from 'node:assert/strict';
import test from 'node:test';
import { type MemberId, NO_MEMBER, type ShardId } from '../../src/base/ids.ts';
import { Random } from '../../src/base/random.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { ORIGIN } from '../../src/raft/position.ts';
import type { Write } from '../../src/raft/ready.ts';
import type { Log, LogRecord } from '../../src/storage/log/log.ts';
import { checkEntries, digestOf, LogModel } from './log-model.ts';
import { randomRecord, SMALL } from './log-records.ts';

export interface LogUnderTest {
  /** Opens a log on an empty folder. */
  readonly open: () => Promise<Log>;
  /** Opens the same folder again after the log was closed. */
  readonly reopen: () => Promise<Log>;
  /** Lets pending operations complete. */
  readonly settle: () => Promise<void>;
}

const SHARD = 7 as ShardId;
const MEMBER = 12345 as MemberId;
const ALONE = { voters: [MEMBER], outgoing: [], learners: [] };

export const CREATION: LogRecord & { readonly type: 'create' } = {
  type: 'create',
  shard: SHARD,
  member: MEMBER,
  configuration: { at: ORIGIN, configuration: ALONE },
};

export function command(index: number, term: number, text: string): LogEntry {
  return { index, term, kind: 'command', payload: new TextEncoder().encode(text) };
}

export function writing(entries: readonly LogEntry[], more: Partial<Write> = {}): LogRecord {
  const last = entries.at(-1) ?? ORIGIN;
  const write: Write = {
    mark: { number: 1, position: { index: last.index, term: last.term } },
    hardState: { term: Math.max(1, last.term), vote: MEMBER, commit: 0 },
    snapshot: undefined,
    entries,
    repairs: [],
    ...more,
  };
  return { type: 'write', shard: SHARD, write };
}

export function textsOf(log: Log, from: number, to: number): string | string[] {
  const texts: string[] = [];
  // A reader returns adjacent entries, and at least one.
  while (from + texts.length <= to) {
    const read = log.reader(SHARD).read({ from: from + texts.length, to, bytesMax: 1e6 });
    if (typeof read === 'string') return read;
    assert.ok(read.length > 0, 'a reader gives an entry, or says why it does not');
    for (const entry of read) {
      const isCommand = entry.kind === 'command';
      texts.push(isCommand ? new TextDecoder().decode(entry.payload) : entry.kind);
    }
  }
  return texts;
}

export function testLog(name: string, disk: LogUnderTest): void {
  testEntries(name, disk);
  testChanges(name, disk);
  testLives(name, disk);
}

async function append(disk: LogUnderTest, log: Log, ...records: LogRecord[]): Promise<void> {
  let isDurable = false;
  log.append(records, () => {
    isDurable = true;
  });
  assert.equal(isDurable, false, 'durable in a later turn');
  while (!isDurable) await disk.settle();
}

async function close(disk: LogUnderTest, log: Log): Promise<void> {
  let isClosed = false;
  log.close(() => {
    isClosed = true;
  });
  while (!isClosed) await disk.settle();
}

const abc = [command(1, 1, 'a'), command(2, 1, 'b'), command(3, 2, 'c')];

function testEntries(name: string, disk: LogUnderTest): void {
  test(`${name}: a replica comes back as it was written`, async () => {
    const log = await disk.open();
    await append(
      disk,
      log,
      CREATION,
      writing(abc, { hardState: { term: 5, vote: MEMBER, commit: 2 } }),
    );
    const before = log.replica(SHARD);
    assert.deepEqual(before, {
      member: MEMBER,
      hardState: { term: 5, vote: MEMBER, commit: 2 },
      log: {
        base: ORIGIN,
        runs: [
          { index: 1, term: 1 },
          { index: 3, term: 2 },
        ],
        lastIndex: 3,
        damaged: [],
      },
      configurations: [{ at: ORIGIN, configuration: ALONE }],
      mayVote: true,
    });
    assert.deepEqual(textsOf(log, 1, 3), ['a', 'b', 'c']);
    await close(disk, log);
    const again = await disk.reopen();
    assert.deepEqual(again.replica(SHARD), before);
    assert.deepEqual(textsOf(again, 1, 3), ['a', 'b', 'c']);
    assert.ok(again.incarnation > log.incarnation);
    await close(disk, again);
  });

  test(`${name}: an append at an index that exists replaces it and all behind it`, async () => {
    const log = await disk.open();
    await append(disk, log, CREATION, writing(abc));
    await append(disk, log, writing([command(2, 3, 'B')]));
    assert.deepEqual(textsOf(log, 1, 2), ['a', 'B']);
    assert.deepEqual(log.replica(SHARD)?.log.lastIndex, 2);
    await close(disk, log);
    const again = await disk.reopen();
    assert.deepEqual(textsOf(again, 1, 2), ['a', 'B']);
    assert.deepEqual(again.replica(SHARD)?.log.runs, [
      { index: 1, term: 1 },
      { index: 2, term: 3 },
    ]);
    await close(disk, again);
  });

  test(`${name}: the base keeps position and configuration of forgotten entries`, async () => {
    const log = await disk.open();
    const configuration = { voters: [MEMBER], outgoing: [], learners: [9 as MemberId] };
    const change: LogEntry = { index: 2, term: 1, kind: 'configuration', configuration };
    await append(disk, log, CREATION, writing([command(1, 1, 'a'), change, command(3, 1, 'c')]));
    assert.equal(log.replica(SHARD)?.configurations.length, 2);
    await append(disk, log, { type: 'forget', shard: SHARD, index: 2 });
    await close(disk, log);
    const again = await disk.reopen();
    const replica = again.replica(SHARD);
    assert.deepEqual(replica?.log.base, { index: 2, term: 1 });
    assert.deepEqual(replica?.configurations, [{ at: { index: 2, term: 1 }, configuration }]);
    assert.deepEqual(textsOf(again, 3, 3), ['c']);
    await close(disk, again);
  });
}

function testChanges(name: string, disk: LogUnderTest): void {
  test(`${name}: a snapshot keeps the entries after it, or replaces all`, async () => {
    const log = await disk.open();
    await append(disk, log, CREATION, writing(abc));
    const at = (index: number, term: number) => {
      return { index, term, configuration: ALONE, configurationAt: { index, term } };
    };
    await append(disk, log, writing([command(4, 2, 'd')], { snapshot: at(2, 1) }));
    assert.deepEqual(textsOf(log, 3, 4), ['c', 'd']);
    const hardState = { term: 9, vote: NO_MEMBER, commit: 3 };
    await append(disk, log, writing([command(4, 9, 'D')], { snapshot: at(3, 8), hardState }));
    assert.deepEqual(textsOf(log, 4, 4), ['D']);
    await close(disk, log);
    const again = await disk.reopen();
    const replica = again.replica(SHARD);
    assert.deepEqual(replica?.log.base, { index: 3, term: 8 });
    assert.deepEqual(replica?.configurations[0]?.at, { index: 3, term: 8 });
    assert.deepEqual(replica?.hardState, hardState);
    assert.deepEqual(textsOf(again, 4, 4), ['D']);
    await close(disk, again);
  });

  test(`${name}: a repair changes one entry in place`, async () => {
    const log = await disk.open();
    const hardState = { term: 2, vote: MEMBER, commit: 3 };
    await append(disk, log, CREATION, writing(abc));
    await append(disk, log, writing([], { repairs: [command(2, 1, 'b again')], hardState }));
    assert.deepEqual(textsOf(log, 1, 3), ['a', 'b again', 'c']);
    await close(disk, log);
    const again = await disk.reopen();
    assert.deepEqual(textsOf(again, 1, 1), ['a']);
    assert.deepEqual(textsOf(again, 2, 2), ['b again']);
    await close(disk, again);
  });

  test(`${name}: a removed replica leaves a tombstone, and its shard can begin anew`, async () => {
    const log = await disk.open();
    await append(disk, log, CREATION, writing(abc));
    const configuration = { index: 3, term: 2 };
    await append(disk, log, { type: 'remove', shard: SHARD, configuration });
    assert.deepEqual(log.shards, []);
    await append(disk, log, { ...CREATION, member: 99 as MemberId });
    await close(disk, log);
    const again = await disk.reopen();
    assert.deepEqual(again.tombstones, [{ shard: SHARD, member: MEMBER, configuration }]);
    assert.equal(again.replica(SHARD)?.member, 99);
    assert.equal(again.replica(SHARD)?.log.lastIndex, 0);
    await close(disk, again);
  });
}

function testLives(name: string, disk: LogUnderTest): void {
  test(`${name}: many appends become durable in order, in few batches`, async () => {
    const log = await disk.open();
    await append(disk, log, CREATION);
    const before = log.metrics().batches;
    const order: number[] = [];
    for (let index = 1; index <= 50; index++) {
      log.append([writing([command(index, 1, `${index}`)])], () => order.push(index));
    }
    log.append([], () => order.push(51));
    while (order.length < 51) await disk.settle();
    assert.deepEqual(
      order,
      Array.from({ length: 51 }, (_, at) => at + 1),
    );
    assert.ok(log.metrics().batches - before < 20, `${log.metrics().batches - before} batches`);
    await close(disk, log);
  });

  test(`${name}: a long run over many segments is the same after each restart`, async () => {
    const random = new Random(4711);
    const model = new LogModel();
    let log = await disk.open();
    for (let life = 0; life < 6; life++) {
      for (let turn = 0; turn < 40; turn++) {
        const records = Array.from({ length: random.below(5) }, () => {
          return randomRecord(model, random, SMALL);
        });
        await append(disk, log, ...records);
        if (random.chance(0.2)) log.idle();
        if (turn % 8 === 0) checkEntries(log, model);
      }
      assert.equal(digestOf(log), model.digest());
      await close(disk, log);
      log = await disk.reopen();
      assert.equal(digestOf(log), model.digest());
      checkEntries(log, model);
      assert.deepEqual([log.damage, log.quarantined, log.fullness], [[], [], 'ok']);
    }
    await close(disk, log);
    await close(disk, log);
  });
}
