/** One shard's machine on a plain map, spoken to in short. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { type Arc, encodeBatch } from '../../src/machine/batch.ts';
import type { Command, Operation } from '../../src/machine/command.ts';
import { type EntryBody, encodeEntry } from '../../src/machine/entry.ts';
import { bigintFrom, int64From } from '../../src/machine/int64.ts';
import type { Changes } from '../../src/machine/key-change.ts';
import { Machine } from '../../src/machine/machine.ts';
import { decodeReply, type Output, type Reply } from '../../src/machine/reply.ts';
import { decodeRow, type Row } from '../../src/machine/row.ts';
import { type RowWrite, SECTION, type StateSource } from '../../src/machine/section.ts';
import {
  decodeSession,
  decodeSlotReplies,
  type Session,
  type SlotReplies,
} from '../../src/machine/session.ts';

export const WHOLE: Arc = { from: 0, to: 2 ** 32 };
export const EPOCH = 3;
export const START = 1_000_000;
const PATIENCE = 10_000;

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function textOf(bytes: Uint8Array): string {
  return new TextDecoder().decode(bytes);
}

export function clientOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}

/** Rows in the order of their keys, as a store has them; it copies what it is given. */
export class Rows implements StateSource {
  readonly #rows = new Map<string, Uint8Array>();

  get(section: number, key: Uint8Array): Uint8Array | undefined {
    return this.#rows.get(nameOf(section, key));
  }

  apply(writes: readonly RowWrite[]): void {
    for (const { section, key, value } of writes) {
      if (value === undefined) this.#rows.delete(nameOf(section, key));
      else this.#rows.set(nameOf(section, key), value.slice());
    }
  }

  copy(): Rows {
    const copy = new Rows();
    for (const [name, value] of this.#rows) copy.#rows.set(name, value);
    return copy;
  }

  in(section: number): { readonly key: Uint8Array; readonly value: Uint8Array }[] {
    const prefix = nameOf(section, new Uint8Array(0));
    return [...this.#rows]
      .filter(([name]) => name.startsWith(prefix))
      .sort(([one], [other]) => (one < other ? -1 : 1))
      .map(([name, value]) => ({ key: keyIn(name.slice(prefix.length)), value }));
  }
}

function nameOf(section: number, key: Uint8Array): string {
  return `${section}:${Buffer.from(key).toString('hex')}`;
}

function keyIn(hex: string): Uint8Array {
  return new Uint8Array(Buffer.from(hex, 'hex'));
}

interface Asked {
  readonly client?: number;
  readonly sequence?: number;
  readonly deadline?: number;
  readonly epoch?: number;
}

/** Time stands still unless a test moves it; every entry has the next index. */
export class MachineRig {
  readonly rows = new Rows();
  machine = new Machine({ source: this.rows });
  index = 0;
  time = START;
  /** What the leader takes in as one value. */
  valueBytesMax: number = MACHINE_LIMITS.valueBytesMax;
  /** Of the last entry. */
  changes: Changes = [];
  #sequence = 0;

  constructor() {
    this.apply({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  }

  apply(body: EntryBody, epoch = EPOCH): readonly Reply[] {
    const { time, valueBytesMax } = this;
    return this.applyPayload(encodeEntry({ time, epoch, valueBytesMax }, body));
  }

  applyPayload(payload: Uint8Array): readonly Reply[] {
    this.index += 1;
    const outcome = this.machine.apply({ index: this.index, payload });
    equal(outcome.type, 'applied');
    if (outcome.type !== 'applied') return [];
    const replies = outcome.replies.map((bytes) => decodeReply(bytes));
    this.changes = outcome.changes;
    this.rows.apply(outcome.writes);
    return replies.map((reply) => {
      ok(reply, 'a reply is one');
      return reply;
    });
  }

  /** What a client sends; sequences go on by themselves. */
  batch(commands: readonly Command[], asked: Asked = {}): Uint8Array {
    const sequence = asked.sequence ?? this.#sequence;
    this.#sequence = Math.max(this.#sequence, sequence + 1);
    return encodeBatch({
      client: clientOf(asked.client ?? 1),
      deadline: asked.deadline ?? this.time + PATIENCE,
      sequence,
      commands,
    });
  }

  ask(commands: readonly Command[], asked: Asked = {}): readonly Reply[] {
    return this.apply({ type: 'batch', batch: this.batch(commands, asked) }, asked.epoch);
  }

  /** One command of these operations. */
  do(...operations: readonly Operation[]): Reply {
    const replies = this.ask([operations]);
    equal(replies.length, 1);
    return replies[0] as Reply;
  }

  row(key: string): Row | undefined {
    const bytes = this.rows.get(SECTION.values, bytesOf(key));
    return bytes === undefined ? undefined : decodeRow(bytes);
  }

  value(key: string): string | undefined {
    const row = this.row(key);
    return row === undefined ? undefined : textOf(row.value);
  }

  /** What is remembered in a client's slots. */
  slots(client = 1): readonly SlotReplies[] {
    const name = clientOf(client).join();
    return this.rows.in(SECTION.replies).flatMap(({ key, value }) => {
      if (key.subarray(0, 16).join() !== name) return [];
      return decodeSlotReplies(value) ?? [];
    });
  }

  session(client = 1): Session | undefined {
    const bytes = this.rows.get(SECTION.sessions, clientOf(client));
    return bytes === undefined ? undefined : decodeSession(bytes);
  }
}

export function put(key: string, value: string, lifeMilliseconds = 0): Operation {
  return { type: 'set', key: bytesOf(key), value: bytesOf(value), lifeMilliseconds };
}

export function putBytes(key: string, ...value: readonly number[]): Operation {
  return { type: 'set', key: bytesOf(key), value: Uint8Array.from(value), lifeMilliseconds: 0 };
}

export function get(key: string): Operation {
  return { type: 'get', key: bytesOf(key) };
}

export function remove(key: string): Operation {
  return { type: 'delete', key: bytesOf(key) };
}

export function touch(key: string, lifeMilliseconds: number): Operation {
  return { type: 'touch', key: bytesOf(key), lifeMilliseconds };
}

export function append(key: string, value: string, lifeMilliseconds = 0): Operation {
  return { type: 'append', key: bytesOf(key), value: bytesOf(value), lifeMilliseconds };
}

export function compute(
  type: 'add' | 'min' | 'max',
  key: string,
  operand: bigint,
  lifeMilliseconds = 0,
): Operation {
  return { type, key: bytesOf(key), operand: int64From(operand), lifeMilliseconds };
}

export function checkVersion(key: string, version: number): Operation {
  return { type: 'check-version', key: bytesOf(key), version };
}

export function checkValue(key: string, value: string): Operation {
  return { type: 'check-value', key: bytesOf(key), value: bytesOf(value) };
}

export function checkPresence(key: string, isThere: boolean): Operation {
  return { type: 'check-presence', key: bytesOf(key), isThere };
}

/** A reply in a few words. */
export function said(reply: Reply | undefined): string {
  if (reply === undefined) return 'nothing';
  if (reply.type === 'refused') return `refused ${reply.reason} at ${reply.position}`;
  if (reply.type === 'check-failed') return `check ${reply.position} met ${reply.version}`;
  if (reply.type === 'locked') return `locked at ${reply.position} by ${reply.holder.id.sequence}`;
  if (reply.type === 'committed') {
    return [`committed at ${reply.versions.join(' ')}`, ...reply.outputs.map(saidOutput)].join(
      ', ',
    );
  }
  return [`done at ${reply.version}`, ...reply.outputs.map(saidOutput)].join(', ');
}

function saidOutput(output: Output): string {
  switch (output.type) {
    case 'row':
      if (output.row === undefined) return 'none';
      return `${textOf(output.row.value)}@${output.row.version}`;
    case 'integer':
      return String(bigintFrom(output.value));
    case 'presence':
      return output.wasThere ? 'was there' : 'was not there';
    case 'appended':
      return `${output.length} bytes`;
    case 'ticket':
      if (output.number === 0) return 'no ticket';
      if (output.fence > 0) return `owns with ${output.fence}`;
      return `waits at ${output.position}`;
  }
}

export function sayAll(replies: readonly Reply[], expected: readonly string[]): void {
  deepEqual(replies.map(said), expected);
}
