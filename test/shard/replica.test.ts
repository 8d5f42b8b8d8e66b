/** A replica keeps the promises that the core, the log and the state store rely on. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId } from '../../src/base/ids.ts';
import { NODE_LIMITS } from '../../src/base/node-limits.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import type { LogEntry, SnapshotChunk } from '../../src/raft/message.ts';
import type { SnapshotReader } from '../../src/raft/ready.ts';
import { newborn } from '../../src/shard/recovery.ts';
import { soundSnapshots } from '../../src/shard/sound-snapshots.ts';
import { STATE_LIMITS } from '../../src/storage/limits.ts';
import type { RestoredReplica } from '../../src/storage/log/log.ts';
import { StateDamage } from '../../src/storage/state/state.ts';
import { MemoryMedium, StateRig } from '../storage/state-rig.ts';
import { stampOf } from '../support/stamp.ts';
import { ALONE, LEADER, PAIR, ReplicaRig, SELF, SHARD, WALL } from './replica-rig.ts';

const ADOPT: EntryBody = { type: 'adopt', epoch: 1, arc: { from: 0, to: 2 ** 32 } };
const HOUR = 3_600_000;

function configured(index = 1): LogEntry {
  return { index, term: 1, kind: 'configuration', configuration: PAIR };
}

function adopted(index: number, time: number): LogEntry {
  return {
    index,
    term: 1,
    kind: 'command',
    payload: encodeEntry(stampOf({ time, epoch: 0 }), ADOPT),
  };
}

test('a proposal is answered once, with the time of its entry', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const { requester, responses } = rig.requester();
  rig.replica.stamp(requester, 0, ADOPT);
  rig.turns(4);
  equal(responses.length, 1);
  const [response] = responses;
  ok(response?.type === 'written' && response.time >= WALL);
});

test('a read that was permitted by an epoch before the adopted one is refused', () => {
  const rig = new ReplicaRig();
  rig.lead();
  rig.replica.stamp(rig.requester().requester, 0, { ...ADOPT, epoch: 5 });
  rig.turns(4);
  const read = (epoch?: number) => {
    const { requester, responses } = rig.requester();
    const what = { type: 'keys', keys: [] } as const;
    rig.replica.read({ requester, until: 1e9, what, ...(epoch === undefined ? {} : { epoch }) });
    rig.turns(4);
    return responses.map((one) => (one.type === 'failed' ? one.failure : one.type));
  };
  deepEqual([read(4), read(5), read()], [['not-here'], ['rows'], ['rows']]);
});

test('a leader is current once it has applied an entry of its own, and not before', () => {
  const rig = new ReplicaRig();
  rig.open(newborn(SELF, ALONE));
  equal(rig.replica.isCurrent, false);
  rig.isLogStuck = true;
  rig.tick(100);
  rig.isLogStuck = false;
  let wasEarly = false;
  for (let turn = 0; !rig.replica.isCurrent; turn++) {
    ok(turn < 100, 'it comes to be');
    wasEarly ||= rig.replica.isLeader;
    equal(rig.replica.applied, 0);
    rig.turn();
  }
  ok(wasEarly, 'it led before');
  ok(rig.replica.applied > 0);
});

test('a newcomer with a wall clock an hour ahead never advances the shard to it', () => {
  const rig = new ReplicaRig();
  rig.open();
  const { requester, responses } = rig.requester();
  rig.replica.fail(requester, 'not-leader');
  ok(responses[0]?.type === 'failed' && responses[0].time === 0, 'a guess is not reported');
  rig.append([configured(), adopted(2, WALL - HOUR)]);
  equal(rig.replica.applied, 2);
  equal(rig.replica.logTime, WALL - HOUR);
});

test('an entry of a later version stops the replica, and all requesters are answered', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const waiting = [rig.requester(), rig.requester(), rig.requester()] as const;
  rig.replica.command(waiting[0].requester, Uint8Array.of(0x94, 99, 0, 0, 0));
  rig.turns(4);
  match(rig.stopReason, /later version/);
  equal(rig.replica.isLeader, false, 'a stopped replica does not lead');
  rig.replica.stamp(waiting[1].requester, 0, ADOPT);
  rig.replica.read({
    requester: waiting[2].requester,
    until: 1e9,
    what: { type: 'keys', keys: [] },
  });
  rig.turns(4);
  for (const { responses } of waiting)
    deepEqual(
      responses.map(({ type }) => type),
      ['failed'],
    );
});

test('a stopped replica does not delay the checkpoint of all others', () => {
  const rig = new ReplicaRig();
  rig.open();
  rig.isLogStuck = true;
  const unknown = { index: 2, term: 1, kind: 'command', payload: Uint8Array.of(0x94, 99, 0, 0, 0) };
  rig.append([configured(), unknown as LogEntry]);
  match(rig.stopReason, /later version/);
  rig.isLogStuck = false;
  rig.store.checkpoint();
  rig.turns(10);
  ok(rig.store.isIdle, 'the log reported, so the state may be written');
});

test('damage that an entry meets stops this replica, and not the node', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const { requester, responses } = rig.requester();
  rig.replica.stamp(requester, 0, ADOPT);
  rig.replica.machine.apply = () => {
    throw new StateDamage({ shard: SHARD, row: { section: 0, key: Uint8Array.of(1) } });
  };
  rig.turns(4);
  ok(rig.isCorrupt);
  deepEqual(
    responses.map(({ type }) => type),
    ['failed'],
  );
});

test('damage that a read meets is reported, and the replica serves no more requests', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const get = rig.store.get.bind(rig.store);
  rig.store.get = (shard, section, key) => {
    if (section === 0) throw new StateDamage({ shard: SHARD, row: { section, key } });
    return get(shard, section, key);
  };
  const { requester, responses } = rig.requester();
  const what = { type: 'keys', keys: [Uint8Array.of(1)] } as const;
  rig.replica.read({ requester, until: 1e9, what });
  rig.tick();
  const [response] = responses;
  ok(response?.type === 'failed' && response.failure === 'damaged');
  ok(rig.isCorrupt, 'its leader is to be replaced, or every retry meets the same');
});

test('writes that wait for the log are bounded in bytes', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const batch = new Uint8Array(NODE_LIMITS.writesBytesMax / 4);
  const asked = Array.from({ length: 6 }, () => rig.requester());
  for (const { requester } of asked) rig.replica.stamp(requester, 1, { type: 'batch', batch });
  const refused = asked.filter(({ responses }) => responses[0]?.type === 'failed');
  equal(refused.length, 2);
});

test('while the state store is behind, writes are refused', () => {
  const rig = new ReplicaRig();
  rig.lead();
  rig.isStoreStuck = true;
  const value = new Uint8Array(1024 * 1024);
  const key = Uint8Array.of(1);
  while (rig.store.hasRoom) {
    const { index, term } = rig.store.description(SHARD);
    const position = { index: index + 1, term };
    rig.store.apply(SHARD, {
      position,
      configuration: undefined,
      writes: [{ section: 4, key, value }],
    });
    if (rig.store.memtableBytes > 2 * STATE_LIMITS.memtableBytesMax) break;
  }
  const { requester, responses } = rig.requester();
  rig.replica.stamp(requester, 0, ADOPT);
  const [response] = responses;
  ok(response?.type === 'failed' && response.failure === 'overloaded');
});

test('a range of keys that would not fit a frame is refused', () => {
  const rig = new ReplicaRig();
  rig.lead();
  const key = Uint8Array.of(1);
  const { index, term } = rig.store.description(SHARD);
  rig.store.apply(SHARD, {
    position: { index: index + 1, term },
    configuration: undefined,
    writes: [{ section: 0, key, value: new Uint8Array(1024 * 1024) }],
  });
  const [some, many] = [rig.requester(), rig.requester()];
  const keysOf = (length: number) => Array.from({ length }, () => key);
  rig.replica.read({
    requester: some.requester,
    until: 1e9,
    what: { type: 'keys', keys: keysOf(16) },
  });
  rig.replica.read({
    requester: many.requester,
    until: 1e9,
    what: { type: 'keys', keys: keysOf(18) },
  });
  rig.tick();
  equal(some.responses[0]?.type, 'rows');
  const [response] = many.responses;
  ok(response?.type === 'failed' && response.failure === 'too-much');
});

test('what the leader told a former life proves nothing to this one', () => {
  const [before, after] = [new ReplicaRig(1), new ReplicaRig(2)];
  const asked = [before, after].map((rig) => {
    rig.open();
    rig.append([configured(), adopted(2, WALL)]);
    const { requester, responses } = rig.requester();
    rig.replica.readStale({ requester, until: 1e9, what: { type: 'keys', keys: [] } }, 1000);
    rig.takeFacts();
    return { responses, question: rig.questions[0] as number };
  });
  const [former, present] = asked as [(typeof asked)[0], (typeof asked)[0]];
  after.replica.told(former.question, 1);
  after.replica.told(former.question, 0);
  deepEqual(present.responses, []);
  after.replica.told(present.question, 3);
  deepEqual(present.responses, [], 'what was committed then is not here yet');
  after.append([adopted(3, WALL)]);
  deepEqual(
    present.responses.map(({ type }) => type),
    ['rows'],
  );
});

async function snapshotOf(index: number) {
  const other = new StateRig(new MemoryMedium());
  await other.open();
  other.store.create(SHARD, NO_CONFIGURATION);
  for (let at = 1; at <= index; at++) {
    const configuration = at === 1 ? PAIR : undefined;
    const writes = [{ section: 4, key: Uint8Array.of(at), value: Uint8Array.of(at) }];
    other.store.apply(SHARD, { position: { index: at, term: 1 }, configuration, writes });
  }
  await other.checkpoint();
  return other.exportAll(SHARD, 1 << 20);
}

function chunkOf(
  { description, bytes }: Awaited<ReturnType<typeof snapshotOf>>,
  { from = LEADER, term = 1 }: { from?: MemberId; term?: number } = {},
): SnapshotChunk {
  return {
    type: 'snapshot-chunk',
    shard: SHARD,
    from,
    to: SELF,
    term,
    snapshot: description,
    offset: 0,
    data: bytes,
    isLast: true,
    round: 1,
  };
}

test('a snapshot becomes the state, and only then the log begins after it', async () => {
  const rig = new ReplicaRig();
  rig.open();
  const chunk = chunkOf(await snapshotOf(5));
  rig.replica.dueAt = Number.POSITIVE_INFINITY;
  rig.replica.receive(chunk);
  let seen = 0;
  for (let at = 0; at < 40; at++) {
    rig.turn();
    const isRestarted = rig.records.some((one) => one.type === 'write' && one.write.snapshot);
    if (!isRestarted) continue;
    seen += 1;
    equal(rig.store.description(SHARD).index, 5);
  }
  ok(seen > 0, 'the log was restarted');
  equal(rig.replica.applied, 5);
  equal(rig.replica.dueAt, 0, 'what expires in it is looked for');
});

test('a snapshot that the core has passed makes room for the next one', async () => {
  const rig = new ReplicaRig();
  rig.open();
  const [former, later] = [chunkOf(await snapshotOf(2)), chunkOf(await snapshotOf(6))];
  rig.isStoreStuck = true;
  rig.replica.receive(former);
  rig.turns(3);
  // The entries arrive another way before the disk has reported the whole snapshot.
  rig.append([configured(), adopted(2, WALL)]);
  rig.isStoreStuck = false;
  rig.turns(20);
  equal(rig.replica.applied, 2);
  rig.replica.receive(later);
  rig.turns(40);
  equal(rig.replica.applied, 6);
});

test('a damaged replica keeps its log and continues from a snapshot that fits it', async () => {
  const rig = new ReplicaRig();
  rig.open();
  rig.append([configured(), adopted(2, WALL), adopted(3, WALL), adopted(4, WALL)]);
  rig.turns(10);
  equal(rig.replica.applied, 4);
  rig.store.condemn(SHARD);
  rig.replica.markCorrupt();
  rig.append([adopted(5, WALL), adopted(6, WALL)]);
  const answers = rig.messages.flatMap((one) => (one.type === 'append-response' ? one : []));
  deepEqual(
    answers.slice(-2).map(({ answer, index }) => [answer, index]),
    [
      ['have', 6],
      ['stateless', 0],
    ],
    'it acknowledges as before, and asks',
  );
  equal(rig.replica.applied, 4, 'nothing is applied to a damaged state');
  rig.replica.receive(chunkOf(await snapshotOf(3)));
  rig.turns(40);
  deepEqual([rig.isCorrupt, rig.replica.isCorrupt], [false, false]);
  equal(rig.store.isDamaged(SHARD), false);
  equal(rig.replica.applied, 6, 'what its log has behind the snapshot is applied again');
  equal(rig.replica.status().mayVote, true);
});

test('the same snapshot of the next leader may come at any moment of the first', async () => {
  const snapshot = await snapshotOf(4);
  for (let moment = 0; moment < 12; moment++) {
    const rig = new ReplicaRig();
    rig.open();
    rig.replica.receive(chunkOf(snapshot));
    rig.turns(moment);
    rig.replica.receive(chunkOf(snapshot, { term: 2 }));
    rig.turns(40);
    equal(rig.replica.applied, 4, `after ${moment} turns`);
  }
});

test('no snapshot is made of a state without voters', () => {
  const rig = new ReplicaRig();
  rig.open();
  const { payload: _, ...empty } = { ...adopted(1, WALL), kind: 'empty' as const, payload: 0 };
  rig.append([empty as LogEntry]);
  rig.store.checkpoint();
  rig.turns(10);
  const indexIn = (reader: SnapshotReader) => {
    const opened = reader.open(0);
    return opened === 'later' ? opened : opened?.index;
  };
  equal(indexIn(rig.store.snapshots(SHARD)), 1, 'the store would');
  equal(indexIn(soundSnapshots(SHARD, rig.store)), undefined);
  rig.append([configured(2)]);
  rig.turns(10);
  equal(indexIn(soundSnapshots(SHARD, rig.store)), 2, 'a checkpoint was asked for');
});

/** A log of a few entries, of a member that was the only voter. */
function logOf(first: number, last: number, damaged: readonly number[] = []): RestoredReplica {
  return {
    ...newborn(SELF, ALONE),
    hardState: { term: 4, vote: SELF, commit: 0 },
    log: {
      base: { index: first, term: first === 0 ? 0 : 1 },
      runs: last > first ? [{ index: first + 1, term: 1 }] : [],
      lastIndex: last,
      damaged,
    },
  };
}

test('a state that is behind the log is lost, and the replica keeps its log', async () => {
  const blank = new ReplicaRig();
  blank.open(logOf(0, 0));
  equal(blank.isCorrupt, false, 'a state without a beginning begins');
  const gone = new ReplicaRig();
  gone.open(logOf(7, 9));
  const older = await rigWithState(5);
  older.open(logOf(6, 9));
  for (const rig of [gone, older]) {
    equal(rig.isCorrupt, true, 'the log begins behind what the state has');
    const { mayVote, last } = rig.replica.status();
    deepEqual([mayVote, last.index], [true, 9], 'what it has acknowledged it still has');
    rig.turns(4);
    equal(rig.replica.applied <= 5, true, 'nothing is applied to what is not there');
  }
});

test('a damaged state is rebuilt from a log that has everything', async () => {
  for (const [found, isReplayed] of [
    [logOf(0, 9), true],
    [logOf(0, 9, [3]), false],
    [logOf(2, 9), false],
  ] as const) {
    const rig = await rigWithState(5);
    rig.store.condemn(SHARD);
    rig.open(found);
    equal(rig.isCorrupt, !isReplayed);
    equal(rig.replica.applied, isReplayed ? 0 : 5, 'the machine begins from nothing');
    equal(rig.store.isDamaged(SHARD), !isReplayed);
  }
});

test('a state that the log does not reach is a snapshot, and the log is restarted', async () => {
  for (const [found, isRestarted] of [
    [logOf(2, 9), false],
    [logOf(5, 9), false],
    [logOf(2, 4), true],
  ] as const) {
    const rig = await rigWithState(5);
    rig.open(found);
    const restarts = rig.records.filter((one) => one.type === 'write' && one.write.snapshot);
    equal(restarts.length, isRestarted ? 1 : 0);
    if (!isRestarted) continue;
    equal(rig.replica.applied, 5);
    equal(rig.replica.status().term, 4, 'what was promised stays promised');
  }
});

/** A former life left a state of this index. */
async function rigWithState(index: number): Promise<ReplicaRig> {
  const rig = new ReplicaRig();
  rig.store.create(SHARD, ALONE);
  for (let at = 1; at <= index; at++) {
    const position = { index: at, term: 1 };
    rig.store.apply(SHARD, { position, configuration: undefined, writes: [] });
  }
  return rig;
}
