/** The ledger of transactions detects every violation of their protocol. */

import { doesNotThrow, equal, throws } from 'node:assert/strict';
import { test } from 'node:test';
import type { ShardId } from '../../src/base/ids.ts';
import type { Command } from '../../src/machine/command.ts';
import type { MachineEntry, TransactionStep } from '../../src/machine/entry.ts';
import type { Reply } from '../../src/machine/reply.ts';
import type { Row } from '../../src/machine/row.ts';
import type { Decide, Participant } from '../../src/machine/transaction.ts';
import {
  encodeDecide,
  encodePrepare,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { stampOf } from '../support/stamp.ts';
import { bytesOf, type WriteRecord } from './customer.ts';
import { CLIENT, DEADLINE, Script } from './script.ts';
import { putOf } from './transacting.ts';
import { TransactionLedger } from './transaction-ledger.ts';

/** Two keys in two shards, of which the first is the home. */
class Play {
  readonly script = new Script(2);
  readonly keys = [this.script.keyIn(1), this.script.keyIn(2)] as const;
  readonly participants: readonly Participant[] = this.keys.map((key) => {
    return { position: keyPosition(bytesOf(key)), deadline: DEADLINE };
  });
  readonly command: Command = this.keys.map((key) => putOf(key, 'new'));

  about(sequence = 1) {
    const home = this.participants[0]?.position ?? 0;
    return { id: { home, client: CLIENT, sequence }, attempts: 0, age: 1 };
  }

  prepare(at: number, sequence?: number): Uint8Array {
    const { participants } = this;
    const operations = this.command.slice(at, at + 1);
    return encodePrepare({ ...this.about(sequence), participants, at, operations });
  }

  decide(proposal: Decide['proposal']): Uint8Array {
    return encodeDecide({ ...this.about(), participants: this.participants, proposal });
  }

  /** The home shard does its part in the entry that decides. */
  commit(version = 2): Uint8Array {
    const operations = this.command.slice(0, 1);
    return this.decide({ type: 'commit', versions: [version], outputs: [], operations });
  }

  resolve(isCommitted: boolean): Uint8Array {
    return encodeResolutions([{ id: this.about().id, isCommitted, deadline: DEADLINE }]);
  }

  told(outcome: WriteRecord['outcome'], versions?: readonly number[]): WriteRecord {
    const [version = 0] = versions ?? [];
    const reply = versions && ({ type: 'done', version, versions, outputs: [] } as const);
    const { command } = this;
    return { customer: 1, client: CLIENT, command, invoke: 0, end: 1000, outcome, reply };
  }
}

const ABORT = {
  type: 'abort',
  because: { type: 'refused', reason: 'aborted', position: 0 },
} as const;

function committed(): Play {
  const play = new Play();
  play.script.step(2, 'prepare', play.prepare(1));
  play.script.step(1, 'decide', play.commit());
  play.script.step(2, 'resolve', play.resolve(true));
  return play;
}

test('a transaction that was prepared, decided and resolved passes', () => {
  const play = committed();
  const truth = play.script.truth();
  equal(truth.outcomes.get('decided committed'), 1);
  doesNotThrow(() => truth.judge([play.told('ok', [2, 2])]));
  doesNotThrow(() => truth.judge([play.told('unknown')]));
});

test('an answer that differs from the decision is detected', () => {
  const play = committed();
  const truth = play.script.truth();
  throws(() => truth.judge([play.told('failed')]), /refused and is there/);
  throws(() => truth.judge([play.told('ok', [2, 3])]), /has version/);
  throws(() => truth.judge([play.told('ok', [3, 2])]), /nowhere/);
  throws(() => truth.judge([{ ...play.told('ok', [2, 2]), end: 20 }]), /before any replica/);
});

test('a transaction that was reported as committed and was aborted is lost', () => {
  const play = new Play();
  play.script.step(2, 'prepare', play.prepare(1));
  play.script.step(1, 'decide', play.decide(ABORT));
  play.script.step(2, 'resolve', play.resolve(false));
  doesNotThrow(() => play.script.truth().judge([play.told('failed')]));
  throws(() => play.script.truth().judge([play.told('ok', [2, 2])]), /nowhere/);
});

test('a dropped part of a committed transaction is detected', () => {
  const play = new Play();
  play.script.step(2, 'prepare', play.prepare(1));
  play.script.step(1, 'decide', play.commit());
  play.script.step(2, 'resolve', play.resolve(false));
  throws(() => play.script.truth(), /a part of it was dropped/);
});

test('a part that is applied without a decision, or before it, is detected', () => {
  const play = new Play();
  play.script.step(2, 'prepare', play.prepare(1));
  play.script.step(2, 'resolve', play.resolve(true));
  throws(() => play.script.truth(), /never committed/);
  play.script.step(1, 'decide', play.commit());
  throws(() => play.script.truth(), /before it was decided/);
});

test('a part that is never resolved is detected', () => {
  const play = new Play();
  play.script.step(2, 'prepare', play.prepare(1));
  play.script.step(1, 'decide', play.commit());
  throws(() => play.script.truth(), /for ever/);
});

test('a commit without one of its parts is detected', () => {
  const play = new Play();
  play.script.step(1, 'decide', play.commit());
  throws(() => play.script.truth(), /without a part/);
});

test('a commit with another version than its part has is detected', () => {
  const play = new Play();
  play.script.step(2, 'prepare', play.prepare(1));
  play.script.step(1, 'decide', play.commit(3));
  play.script.step(2, 'resolve', play.resolve(true));
  throws(() => play.script.truth(), /another version/);
});

/** Entries that no correct machine answers so. */
class Fiction {
  readonly play = new Play();
  readonly #ledger = new TransactionLedger({
    shardAt: (position) => (position === this.play.participants[0]?.position ? 1 : 2) as ShardId,
    fail: (message) => {
      throw new Error(message);
    },
  });
  #index = 0;

  take(
    shard: number,
    [type, bytes]: readonly [TransactionStep, Uint8Array],
    { reply, values = [] }: Said,
  ): void {
    this.#index += 1;
    const index = this.#index;
    const entry: MachineEntry = { type, bytes, rules: 1, stamp: stampOf({ time: 1, epoch: 1 }) };
    const rows = new Map(values.map((key): [string, Row] => [key, rowOf(index)]));
    const at = index * 10;
    this.#ledger.take({
      shard: shard as ShardId,
      index,
      at,
      entry,
      replies: [reply],
      values: rows,
    });
  }

  done(): Reply {
    return { type: 'done', version: this.#index + 1, outputs: [] };
  }

  committed(): Reply {
    return { type: 'committed', versions: [this.#index + 1, 1], outputs: [] };
  }
}

interface Said {
  readonly reply?: Reply | undefined;
  readonly values?: readonly string[];
}

function rowOf(version: number): Row {
  return { version, expiresAt: 0, value: bytesOf('new') };
}

test('a key that is written while it is held, or held twice, is detected', () => {
  const fiction = new Fiction();
  const { play } = fiction;
  fiction.take(2, ['prepare', play.prepare(1)], { reply: fiction.done() });
  const values = [play.keys[1]];
  throws(() => fiction.take(2, ['clear', new Uint8Array()], { values }), /while a transaction/);
  const second = play.prepare(1, 3);
  throws(() => fiction.take(2, ['prepare', second], { reply: fiction.done() }), /held by two/);
});

test('a write by a prepare alone is detected', () => {
  const fiction = new Fiction();
  const { play } = fiction;
  const said = { reply: fiction.done(), values: [play.keys[1]] };
  throws(() => fiction.take(2, ['prepare', play.prepare(1)], said), /only prepared/);
});

test('a resolution that writes nothing, or an abort that writes, is detected', () => {
  const fiction = new Fiction();
  const { play } = fiction;
  fiction.take(2, ['prepare', play.prepare(1)], { reply: fiction.done() });
  throws(() => fiction.take(2, ['resolve', play.resolve(true)], {}), /was not written/);
});

test('a second decision is detected', () => {
  const fiction = new Fiction();
  const { play } = fiction;
  const values = [play.keys[0]];
  fiction.take(1, ['decide', play.commit(1)], { reply: fiction.committed(), values });
  const again = { reply: fiction.committed(), values };
  throws(() => fiction.take(1, ['decide', play.commit(1)], again), /decided twice/);
});

test('a commit after an abort, or by one, is detected', () => {
  const fiction = new Fiction();
  const { play } = fiction;
  const abort = play.decide(ABORT);
  const values = [play.keys[0]];
  throws(() => fiction.take(1, ['decide', abort], { reply: fiction.committed() }), /by an abort/);
  fiction.take(1, ['decide', abort], { reply: ABORT.because });
  const late = { reply: fiction.committed(), values };
  throws(() => fiction.take(1, ['decide', play.commit(1)], late), /after it was denied/);
});
