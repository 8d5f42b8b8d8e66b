/** What a replica remembers of changes, from its opening to its end. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { encodeBatch } from '../../src/machine/batch.ts';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import type { Operation } from '../../src/machine/command.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import type { LogEntry } from '../../src/raft/message.ts';
import { clientOf, put, textOf, WHOLE } from '../machine/machine-rig.ts';
import { commitBytes, prepareBytes } from '../machine/transaction-rig.ts';
import { stampOf } from '../support/stamp.ts';
import { snapshotOf } from './made-snapshot.ts';
import { PAIR, ReplicaRig } from './replica-rig.ts';

const TIME = 1_000_000;
const EPOCH = 1;

/** The log of a shard whose entries come with the next index each. */
class Log {
  readonly rig = new ReplicaRig();
  #index = 0;
  #term = 1;

  constructor() {
    this.rig.open();
    this.#append({ kind: 'configuration', configuration: PAIR });
    this.add({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  }

  add(body: EntryBody): void {
    this.#append({
      kind: 'command',
      payload: encodeEntry(stampOf({ time: TIME, epoch: EPOCH }), body),
    });
  }

  do(...command: readonly Operation[]): void {
    const client = clientOf(1);
    const batch = { client, deadline: TIME + 9, sequence: this.#index, commands: [command] };
    this.add({ type: 'batch', batch: encodeBatch(batch) });
  }

  record(): void {
    this.add({ type: 'record-changes', milliseconds: 1000 });
  }

  elect(): void {
    this.#term += 1;
    this.#append({ kind: 'empty' });
  }

  #append(body: WithoutPlace): void {
    this.#index += 1;
    const entry = { index: this.#index, term: this.#term, ...body } as LogEntry;
    this.rig.append([entry], this.#term);
    equal(this.rig.replica.applied, this.#index);
  }

  /** From the floor through the head. */
  get remembered(): string {
    const { history } = this.rig.replica;
    const { floor } = history;
    const limits = { bytesMax: 1e9, changesMax: 1e9 };
    const scan = history.scan({ index: floor.index, sent: 0 }, limits, () => true);
    const keys = decodeChanges(scan.block)?.map(({ key, version }) => `${textOf(key)}@${version}`);
    const { through } = scan;
    return [
      `${floor.index}/${floor.term}`,
      ...(keys ?? []),
      `${through.index}/${through.term}`,
    ].join(' ');
  }
}

type WithoutPlace =
  | Pick<Extract<LogEntry, { kind: 'command' }>, 'kind' | 'payload'>
  | Pick<Extract<LogEntry, { kind: 'configuration' }>, 'kind' | 'configuration'>
  | Pick<Extract<LogEntry, { kind: 'empty' }>, 'kind'>;

test('a replica remembers the changes of the entries that it applies', () => {
  const log = new Log();
  equal(log.remembered, '0/0 2/1');
  log.record();
  log.do(put('a', '1'));
  log.elect();
  log.do(put('b', '2'), put('c', '3'));
  equal(log.remembered, '0/0 a@4 b@6 c@6 6/2');
});

test('what it did not record it has missed', () => {
  const log = new Log();
  log.do(put('a', '1'));
  log.record();
  log.do(put('b', '2'));
  equal(log.remembered, '3/1 b@5 5/1');
});

test('what a transaction changes is kept, though its part is deleted by the same entry', () => {
  const log = new Log();
  log.record();
  const deadline = TIME + 9;
  log.add({
    type: 'prepare',
    bytes: prepareBytes([put('a', 'x')], { deadline, at: 0, participants: 1 }),
  });
  log.do(put('b', '2'));
  equal(log.remembered, '0/0 b@5 5/1');
  log.add({ type: 'decide', bytes: commitBytes([], { deadline, participants: 1, versions: [4] }) });
  equal(log.remembered, '0/0 b@5 a@4 6/1');
});

test('a replica that opens its state has missed what is in it', () => {
  const log = new Log();
  log.record();
  log.do(put('a', '1'));
  log.rig.open();
  equal(log.remembered, '4/1 4/1');
  log.do(put('b', '2'));
  equal(log.remembered, '4/1 b@5 5/1');
});

test('a snapshot that becomes the state is the new floor', async () => {
  const log = new Log();
  log.record();
  log.do(put('a', '1'));
  log.rig.replica.receive(await snapshotOf(9));
  log.rig.turns(40);
  equal(log.rig.replica.applied, 9);
  equal(log.remembered, '9/1 9/1');
  equal(log.rig.histories.bytes, 0);
});

test('a replica that ends gives its memory back', () => {
  const log = new Log();
  log.record();
  log.do(put('a', '1'));
  equal(log.rig.histories.bytes > 0, true);
  log.rig.replica.end();
  deepEqual([log.rig.histories.bytes, log.remembered], [0, '4/1 4/1']);
});
