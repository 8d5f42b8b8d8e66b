/** What a follower tells its watchers: it needs its leader for proof, and nothing else of it. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { WATCH_LIMITS } from '../../src/base/watch-limits.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import type { Response } from '../../src/wire/response.ts';
import { clientOf, put, WHOLE } from '../machine/machine-rig.ts';
import { stampOf } from '../support/stamp.ts';
import { snapshotOf } from './made-snapshot.ts';
import { PAIR, ReplicaRig } from './replica-rig.ts';
import { textOfResponse } from './watch-rig.ts';

const EPOCH = 1;
/** That of the rig's clock as the replica guesses it. */
const TIME = 1_700_000_000_000;

class Follower {
  readonly rig = new ReplicaRig();
  #index = 1;

  constructor() {
    this.rig.open();
    this.rig.append([{ kind: 'configuration', index: 1, term: 1, configuration: PAIR }]);
    this.add({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
    const milliseconds = SHARD_LIMITS.recordMilliseconds;
    this.add({ type: 'record-changes', milliseconds });
  }

  add(body: EntryBody): void {
    this.#index += 1;
    const payload = encodeEntry(stampOf({ time: TIME, epoch: EPOCH }), body);
    this.rig.append([{ kind: 'command', index: this.#index, term: 1, payload }]);
    equal(this.rig.replica.applied, this.#index);
  }

  set(key: string, value: string): void {
    const commands = [[put(key, value)]];
    const about = { client: clientOf(1), deadline: TIME + 9, sequence: this.#index };
    this.add({ type: 'batch', batch: encodeBatch({ ...about, commands }) });
  }

  watch({ index = 0, atLeast = 0 } = {}): () => string[] {
    const responses: Response[] = [];
    const respond = (response: Response) => void responses.push(response);
    const share = new Flow({ client: 1, mayGoOn: () => true });
    const start = index === 0 ? undefined : { position: { index, term: 1 }, cursor: undefined };
    const bounds = { from: new Uint8Array(), to: new Uint8Array() };
    const terms = { ...bounds, start, atLeast, keysOnly: false, credit: 1000 };
    this.rig.replica.watch({ responder: { respond, share }, id: 7 }, terms);
    return () => responses.splice(0).map(textOfResponse);
  }

  /** The leader answers the last question with this index. */
  tell(index: number): void {
    this.rig.replica.told(this.rig.questions.at(-1) ?? 0, index);
  }

  pass(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 20) this.rig.tick();
  }
}

test('a follower serves a watch from what it has applied', () => {
  const follower = new Follower();
  const news = follower.watch();
  follower.set('a', '1');
  deepEqual(news(), ['rows-end 0>3', 'changes 3>4 a=1@4']);
});

test('a follower answers no barrier', () => {
  const follower = new Follower();
  const told: string[] = [];
  const responder = { respond: (response: Response) => void told.push(textOfResponse(response)) };
  const bounds = { from: new Uint8Array(), to: new Uint8Array() };
  for (const isRecording of [false, true]) {
    const about = { isRecording, epoch: EPOCH, until: follower.rig.now + 5000 };
    follower.rig.replica.barrier({ requester: { responder, id: 7 }, ...bounds, ...about });
    follower.rig.turns(4);
  }
  deepEqual(told, ['not-leader', 'not-leader']);
  equal(follower.rig.replica.waiting, 0);
});

test('a follower asks its leader for proof, and tells progress once it has it', () => {
  const follower = new Follower();
  const news = follower.watch({ index: 3 });
  follower.pass(100);
  equal(follower.rig.questions.length, 1);
  deepEqual(news(), []);
  follower.tell(4);
  follower.pass(100);
  deepEqual(news(), [], 'the answer names an entry that is not applied here');
  follower.set('a', '1');
  deepEqual(news(), ['changes 3>4 a=1@4', 'progress 4>4']);
});

test('a follower that cannot prove that it is current ends its watches', () => {
  const follower = new Follower();
  const news = follower.watch({ index: 3 });
  follower.pass(WATCH_LIMITS.silenceMilliseconds - 1000);
  follower.tell(0);
  deepEqual(news(), []);
  follower.pass(1200);
  deepEqual(news(), ['not-fresh']);
  deepEqual(follower.rig.replica.watching, { streams: 0, ranges: 0 });
});

test('a follower with proof keeps its watches', () => {
  const follower = new Follower();
  const news = follower.watch({ index: 3 });
  for (let round = 0; round < 20; round++) {
    follower.pass(500);
    follower.tell(3);
  }
  equal(new Set(news()).size, 1);
  equal(follower.rig.replica.watching.streams, 1);
});

test('a watch of entries that the follower does not get ends before its client gives it up', () => {
  const follower = new Follower();
  const behind = [follower.watch({ index: 9 }), follower.watch({ atLeast: 9 })];
  for (let passed = 0; passed <= SHARD_LIMITS.catchUpMilliseconds; passed += 500) {
    for (const news of behind) deepEqual(news(), []);
    follower.pass(500);
    follower.tell(3);
  }
  for (const news of behind) deepEqual(news(), ['not-fresh']);
});

test('a watch that waits for entries goes on when they are there', () => {
  const follower = new Follower();
  const news = follower.watch({ index: 4 });
  follower.set('a', '1');
  deepEqual(news(), []);
  follower.set('a', '2');
  deepEqual(news(), ['changes 4>5 a=2@5<4']);
});

test('a snapshot that becomes the state ends the watches that it overtakes', async () => {
  const follower = new Follower();
  const [behind, ahead] = [follower.watch({ index: 3 }), follower.watch({ index: 9 })];
  follower.rig.replica.receive(await snapshotOf(9));
  follower.rig.turns(40);
  equal(follower.rig.replica.applied, 9);
  deepEqual(behind(), ['history-gone']);
  deepEqual(ahead(), []);
  equal(follower.rig.replica.watching.streams, 1);
});
