/** What the messages of several shards become for the consumer of one watch. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../../src/base/ids.ts';
import { NO_BYTES, Writer } from '../../../src/base/message-pack.ts';
import { OpenWatch, type ShardWatch } from '../../../src/client/core/streams/open-watch.ts';
import type { StreamMessage } from '../../../src/client/core/streams/stream-reader.ts';
import type { WatchCall, WatchFact } from '../../../src/client/core/streams/watch-call.ts';
import { writeChange } from '../../../src/machine/change-codec.ts';

const text = new TextEncoder();

/** Two shards, of which the test writes every message. */
class Rig {
  readonly watch: OpenWatch;
  readonly told: string[] = [];
  #now = 0;

  constructor(terms: Partial<WatchCall['terms']> = {}) {
    const call: WatchCall = {
      terms: {
        range: { from: NO_BYTES, to: NO_BYTES },
        resume: undefined,
        isInitial: true,
        keysOnly: true,
        bufferBytes: 200,
        shareBytesMin: 10,
        trackedKeysMax: 4,
        trackedBytesMax: 1000,
        replicas: 'any',
        timeoutMilliseconds: 1000,
        ...terms,
      },
      deliver: (fact) => this.told.push(shown(fact)),
    };
    this.watch = new OpenWatch(call, 0);
    const shards = [1, 2].map((shard) => {
      return { shard: shard as ShardId, arc: { from: shard, to: shard + 1 }, mark: undefined };
    });
    this.watch.begin(shards, 'mine', 0);
    this.told.length = 0;
  }

  shard(place: number): ShardWatch {
    return this.watch.shards[place] as ShardWatch;
  }

  barrier(place: number, index: number): void {
    const mark = { position: { index, term: 1 }, skip: 0 };
    this.watch.passBarrier(this.shard(place), mark, this.#now);
  }

  /** Rows as `key version`. */
  read(place: number, through: number, rows: readonly string[], cursor?: string): string {
    const kind = cursor === undefined ? 'rows-end' : 'rows';
    return this.#receive(place, through, kind, rows, cursor);
  }

  progress(place: number, through: number, now: number): string {
    this.#now = now;
    return this.#receive(place, through, 'progress', []);
  }

  take(): string[] {
    return this.told.splice(0);
  }

  #receive(
    place: number,
    through: number,
    kind: 'rows' | 'rows-end' | 'progress',
    rows: readonly string[],
    cursor = '',
  ): string {
    const writer = new Writer();
    for (const row of rows) {
      const [key = '', version] = row.split(' ');
      const rest = { previous: 0, value: undefined, transaction: 0, isLast: true } as const;
      writeChange(writer, {
        kind: 'set',
        key: text.encode(key),
        version: Number(version),
        ...rest,
      });
    }
    const after = this.shard(place).reader.index;
    const block = writer.take().slice();
    const rest = { throughTerm: 1, kind, block, cursor: text.encode(cursor) };
    const message = { type: 'changes', id: 1, sequence: 1, after, through, ...rest } as const;
    return receive(this.watch, this.shard(place), message, this.#now);
  }
}

/** As the members of a stream receive what one of them has taken. */
function receive(watch: OpenWatch, one: ShardWatch, message: StreamMessage, now: number): string {
  const { kind, cursor, block } = message;
  const before = one.reader.mark;
  const taken = one.reader.take(message);
  if (taken.type !== 'changes' && taken.type !== 'rows') return taken.type;
  const read = kind === 'rows' ? cursor : undefined;
  const { changes } = taken;
  const received = { kind, changes, cursor: read, bytes: block.length, before, fact: undefined };
  return watch.receive(one, received, now);
}

function shown(fact: WatchFact): string {
  if (fact.type === 'changes') {
    const keys = fact.changes.map(({ kind, key, previous }) => {
      return `${kind === 'set' ? '+' : '-'}${Buffer.from(key).toString()}${previous}`;
    });
    return `${fact.place}: ${keys.join(' ')}`;
  }
  if (fact.type === 'moved') return `${fact.place} at ${fact.mark.position.index}`;
  if (fact.type === 'compacted') return `compacted ${fact.place ?? 'all'}`;
  return fact.type;
}

function synced(terms?: Partial<WatchCall['terms']>): Rig {
  const rig = new Rig(terms);
  for (const place of [0, 1]) rig.barrier(place, 5);
  rig.read(0, 6, ['a 3', 'b 4']);
  rig.read(1, 5, ['c 5']);
  rig.take();
  return rig;
}

test('a watch is synced when each shard was read, and holds what its barrier told', () => {
  const rig = new Rig();
  rig.barrier(0, 5);
  rig.read(0, 6, ['a 3']);
  rig.read(1, 7, []);
  deepEqual(rig.take(), ['0: +a0', '1 at 7']);
  rig.barrier(1, 9);
  rig.progress(1, 8, 1);
  deepEqual(rig.take(), ['1 at 8']);
  rig.progress(1, 9, 2);
  deepEqual(rig.take(), ['1 at 9', 'synced']);
});

test('progress is told when each shard was heard, and not for each of them', () => {
  const rig = synced();
  rig.progress(0, 8, 2000);
  deepEqual(rig.take(), ['0 at 8']);
  rig.progress(1, 8, 2010);
  deepEqual(rig.take(), ['1 at 8', 'progress']);
  rig.progress(0, 9, 2020);
  rig.progress(1, 9, 2030);
  deepEqual(rig.take(), ['0 at 9', '1 at 9']);
});

test('a shard that lost its place tells differences, and the others go on', () => {
  const rig = synced();
  const lost = rig.shard(0);
  deepEqual(rig.watch.lose(lost), [lost]);
  lost.readAgain();
  rig.read(0, 20, ['b 4', 'd 18']);
  deepEqual(rig.take(), ['compacted 0', '0: -a3 +d0']);
  rig.barrier(0, 20);
  deepEqual(rig.take(), ['synced']);
});

test('if more keys come than are remembered, what follows is no difference', () => {
  const rig = synced();
  const lost = rig.shard(0);
  rig.watch.lose(lost);
  lost.readAgain();
  rig.take();
  equal(rig.read(0, 20, ['a 3', 'b 4', 'd 18'], 'e'), 'taken');
  equal(rig.read(0, 20, ['e 19']), 'too-many-keys');
  rig.take();
  deepEqual(rig.watch.lose(lost), rig.watch.shards);
  deepEqual(rig.take(), ['compacted all']);
});

test('without versions all shards are read again', () => {
  const rig = synced({ trackedKeysMax: 0 });
  deepEqual(rig.watch.lose(rig.shard(1)), rig.watch.shards);
  for (const one of rig.watch.shards) one.readAgain();
  rig.read(0, 20, ['b 4']);
  rig.read(1, 20, ['c 5']);
  deepEqual(rig.take(), ['compacted all', '0: +b0', '1: +c0']);
});

test('a read that was overtaken three times in a row ends the watch', () => {
  const rig = new Rig();
  const one = rig.shard(0);
  for (const expected of [[one], [one], undefined]) {
    rig.read(0, 9, [], 'm');
    deepEqual(rig.watch.lose(one), expected);
    one.readAgain();
  }
});

test('a consumer that leaves a buffer full for a second is told so', () => {
  const rig = synced();
  const one = rig.shard(0);
  one.state = 'full';
  one.backlog.add(300);
  rig.watch.block(5000);
  one.backlog.consume(100);
  rig.watch.unblock(6000);
  deepEqual(rig.take(), []);
  one.backlog.consume(200);
  rig.watch.unblock(6500);
  deepEqual(rig.take(), ['lagging']);
});

test('a change that does not fit what was told before is found out', () => {
  const rig = synced();
  const writer = new Writer();
  const change = { kind: 'delete', key: text.encode('a'), previous: 2, version: 9 } as const;
  writeChange(writer, { ...change, value: undefined, transaction: 0, isLast: true });
  const block = writer.take().slice();
  const rest = { throughTerm: 1, kind: 'changes', block, cursor: NO_BYTES } as const;
  const message = { type: 'changes', id: 1, sequence: 1, after: 6, through: 9, ...rest } as const;
  equal(receive(rig.watch, rig.shard(0), message, 1), 'misfit');
});

test('only a read that follows another one has to begin at its barrier', () => {
  const rig = new Rig();
  rig.barrier(0, 50);
  equal(rig.shard(0).leastIndex, 0);
  rig.read(0, 60, ['a 40']);
  rig.watch.lose(rig.shard(0));
  rig.shard(0).readAgain();
  rig.barrier(0, 70);
  equal(rig.shard(0).leastIndex, 70);
});
