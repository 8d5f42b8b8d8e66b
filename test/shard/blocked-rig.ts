/** A replica in whose shard transactions hold keys, and the requests that meet them. */

import { ok } from 'node:assert/strict';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { EntryBody } from '../../src/machine/entry.ts';
import { decodeReply, type Reply } from '../../src/machine/reply.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { encodeResolutions } from '../../src/machine/transaction-codec.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import type { TellingLimits } from '../../src/shard/changed-ranges.ts';
import type { PendingRead, Wanted } from '../../src/shard/reads.ts';
import type { Turns } from '../../src/shard/replica-state.ts';
import type { RangeQuery } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, clientOf, textOf, WHOLE } from '../machine/machine-rig.ts';
import { nameOf, prepareBytes } from '../machine/transaction-rig.ts';
import { AT_ONCE } from './at-once.ts';
import { ReplicaRig } from './replica-rig.ts';

const EPOCH = 1;
const PATIENCE = 10_000;
/** Of a write without a transaction. */
const WRITER = 200;

interface HeldRigOptions {
  readonly fair?: Turns;
  readonly telling?: TellingLimits | undefined;
}

export class HeldRig {
  readonly rig = new ReplicaRig();
  #sequence = 0;

  constructor({ fair = AT_ONCE, telling }: HeldRigOptions = {}) {
    this.rig.fair = fair;
    if (telling !== undefined) this.rig.telling = telling;
    this.rig.lead();
    this.do({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  }

  get deadline(): number {
    return this.rig.replica.logTime + PATIENCE;
  }

  /** The first reply, in a few words; nothing if none came. */
  do(body: EntryBody): string {
    const { requester, responses } = this.rig.requester();
    this.rig.replica.stamp(requester, EPOCH, body);
    this.rig.replica.proposeDeferred();
    this.rig.turns(4);
    return said(responses);
  }

  write(...commands: readonly (readonly Operation[])[]): string {
    return this.do(this.batch(...commands));
  }

  /** The entry of a write. */
  batch(...commands: readonly (readonly Operation[])[]): EntryBody {
    const sequence = this.#sequence;
    this.#sequence += 1;
    const { deadline } = this;
    const client = clientOf(WRITER);
    const about = { client, deadline, sequence };
    return { type: 'batch', batch: encodeBatch({ ...about, commands }) };
  }

  /** A transaction of that age, which is its number as well. */
  prepare(age: number, ...operations: readonly Operation[]): string {
    const bytes = prepareBytes(operations, { client: age, age, deadline: this.deadline });
    return this.do({ type: 'prepare', bytes });
  }

  resolve(age: number, isCommitted: boolean): void {
    const id = nameOf({ client: age });
    const bytes = encodeResolutions([{ id, isCommitted, deadline: this.deadline }]);
    this.do({ type: 'resolve', bytes });
  }

  read(what: Wanted, until = Number.POSITIVE_INFINITY): Response[] {
    const { requester, responses } = this.rig.requester();
    const read: PendingRead = { requester, until, what };
    this.rig.replica.read(read);
    this.rig.turns(4);
    return responses;
  }

  keys(...keys: readonly string[]): Response[] {
    return this.read({ type: 'keys', keys: keys.map(bytesOf) });
  }

  range(range: Partial<RangeQuery> = {}): Response[] {
    const ends = { from: new Uint8Array(), to: new Uint8Array() };
    const manner = { isReverse: false, answer: 'rows', rowsMax: 100 } as const;
    return this.read({ type: 'range', range: { ...ends, ...manner, ...range } });
  }

  /** `owner`: the age of a transaction that holds keys itself. */
  validate(checks: readonly Operation[], owner?: number): Response[] {
    return this.read({
      type: 'checks',
      checks,
      owner: owner === undefined ? undefined : ownerOf(owner),
    });
  }
}

function ownerOf(age: number): Contender {
  return { id: nameOf({ client: age }), attempts: 0, age };
}

/** The answer, in a few words: values and keys as texts. */
export function said([response]: readonly Response[]): string {
  if (response === undefined) return '';
  switch (response.type) {
    case 'failed':
      return response.failure;
    case 'rows':
      return response.rows.map(textIn).join(' ');
    case 'range': {
      const rows = response.rows.map(({ key, row }) => textOf(key) + (row.length > 0 ? '=' : ''));
      const values = response.rows.map(({ row }) => (row.length > 0 ? textIn(row) : ''));
      const listed = rows.map((row, at) => row + values[at]).join(' ');
      const count = `(${response.count}${response.isEnd ? ', end' : ''})`;
      return listed === '' ? count : `${listed} ${count}`;
    }
    case 'written':
      return response.replies.map((bytes) => saidOf(decodeReply(bytes))).join('; ');
    default:
      return response.type;
  }
}

function textIn(row: Uint8Array): string {
  const decoded = row.length === 0 ? undefined : decodeRow(row);
  return decoded === undefined ? '-' : textOf(decoded.value);
}

function saidOf(reply: Reply | undefined): string {
  ok(reply, 'a reply is one');
  switch (reply.type) {
    case 'check-failed':
      return `check-failed ${reply.position} ${reply.version}`;
    case 'refused':
      return `refused ${reply.reason} ${reply.position}`;
    case 'locked':
      return `locked ${reply.position} by ${reply.holder.age}`;
    case 'done':
    case 'committed':
      return reply.type;
  }
}
