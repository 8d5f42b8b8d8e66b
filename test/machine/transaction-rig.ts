/** One shard of a transaction, spoken to in short: what each step says, in a few words. */

import { equal } from 'node:assert/strict';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { TransactionStep } from '../../src/machine/entry.ts';
import { Machine } from '../../src/machine/machine.ts';
import type { Output } from '../../src/machine/reply.ts';
import { decodeRow } from '../../src/machine/row.ts';
import type { Participant, Prepare, TransactionRefusal } from '../../src/machine/transaction.ts';
import {
  encodeConclusion,
  encodeDecide,
  encodeIds,
  encodePrepare,
  encodePrevention,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import type { TransactionId } from '../../src/machine/transaction-id.ts';
import { bytesOf, clientOf, MachineRig, START, said, textOf } from './machine-rig.ts';

export const HOME = 77;
export const PATIENCE = 10_000;
export const ABORTED: TransactionRefusal = { type: 'refused', reason: 'aborted', position: 0 };

/** Which transaction, and what its steps carry; by default the first of the second client. */
export interface About {
  readonly client?: number;
  readonly sequence?: number;
  readonly attempts?: number;
  readonly age?: number;
  /** Of every participant. */
  readonly deadline?: number;
  readonly participants?: number;
  /** Whose part it is: 0 for the home shard. */
  readonly at?: number;
  readonly epoch?: number;
  /** Of a part that is prevented, on the ring. */
  readonly position?: number;
}

export interface Vote extends About {
  readonly versions?: readonly number[];
  readonly outputs?: readonly Output[];
}

interface Concluding {
  readonly commits?: readonly Vote[];
  readonly resolved?: readonly About[];
  readonly cleared?: readonly About[];
}

/** The next sequence of the same slot. */
export function after(sequence: number): number {
  return sequence + MACHINE_LIMITS.sessionSlots;
}

/** Past a deadline, and past the step up to which sessions are kept for its sake. */
export const OUTLIVED = MACHINE_LIMITS.sessionStepMilliseconds + 1;

export function nameOf({ client = 2, sequence = 20 }: About = {}): TransactionId {
  return { home: HOME, client: clientOf(client), sequence };
}

function participantsOf({ participants = 2, deadline = START + PATIENCE }: About) {
  return Array.from(
    { length: participants },
    (_, at): Participant => ({ position: HOME + at, deadline }),
  );
}

function headOf(about: About): Omit<Prepare, 'at' | 'operations'> {
  const { attempts = 0, age = 5 } = about;
  const participants = participantsOf(about);
  return { id: nameOf(about), attempts, age, participants };
}

export function prepareBytes(operations: readonly Operation[], about: About = {}): Uint8Array {
  return encodePrepare({ ...headOf(about), at: about.at ?? 1, operations });
}

export function commitBytes(operations: readonly Operation[], vote: Vote = {}): Uint8Array {
  const others = (vote.participants ?? 2) - (operations.length > 0 ? 1 : 0);
  const versions = vote.versions ?? Array.from({ length: others }, (_, at) => 900 + at);
  const { outputs = [] } = vote;
  const proposal = { type: 'commit', versions, outputs, operations } as const;
  return encodeDecide({ ...headOf(vote), proposal });
}

export function abortBytes(about: About = {}, because: TransactionRefusal = ABORTED): Uint8Array {
  return encodeDecide({ ...headOf(about), proposal: { type: 'abort', because } });
}

export class TransactionRig {
  readonly shard = new MachineRig();

  prepare(operations: readonly Operation[], about: About = {}): string {
    const bytes = prepareBytes(operations, about);
    return this.#only('prepare', bytes, about.epoch);
  }

  /** The home shard's part of a transaction that all parts together commit. */
  stage(operations: readonly Operation[], about: About = {}): string {
    return this.#only('stage', prepareBytes(operations, { at: 0, ...about }), about.epoch);
  }

  prevent(about: About = {}): string {
    const { position = 0, deadline = START + PATIENCE } = about;
    const bytes = encodePrevention({ id: nameOf(about), position, deadline });
    return this.#only('prevent', bytes, about.epoch);
  }

  /** An abort whose proposer knows of a participant that can never become ready. */
  abortPrevented(about: About = {}, because: TransactionRefusal = ABORTED): string {
    const proposal = { type: 'prevented', because } as const;
    return this.#only('decide', encodeDecide({ ...headOf(about), proposal }), about.epoch);
  }

  /** With operations: the home shard does its part in this entry. */
  commit(operations: readonly Operation[] = [], vote: Vote = {}): string {
    return this.#only('decide', commitBytes(operations, vote), vote.epoch);
  }

  abort(about: About = {}, because: TransactionRefusal = ABORTED): string {
    return this.#only('decide', abortBytes(about, because), about.epoch);
  }

  resolve(isCommitted: boolean, ...abouts: readonly About[]): void {
    const list = abouts.length > 0 ? abouts : [{}];
    const resolutions = list.map((about) => ({
      id: nameOf(about),
      isCommitted,
      deadline: about.deadline ?? START + PATIENCE,
    }));
    this.#silent('resolve', encodeResolutions(resolutions));
  }

  /** What a shard says of commits of which one entry does not hold all. */
  resolveSome(...abouts: readonly About[]): string {
    const resolutions = abouts.map((about) => ({
      id: nameOf(about),
      isCommitted: true,
      deadline: START + PATIENCE,
    }));
    return this.#only('resolve', encodeResolutions(resolutions));
  }

  /** One entry: commits of staged transactions, commits of prepared parts, decisions to clear. */
  conclude({ commits = [], resolved = [], cleared = [] }: Concluding): readonly string[] {
    const resolutions = resolved.map((about) => {
      return { id: nameOf(about), isCommitted: true, deadline: START + PATIENCE };
    });
    const bytes = encodeConclusion({
      commits: commits.map((vote) => commitBytes([], vote)),
      resolutions,
      cleared: cleared.map(nameOf),
    });
    return this.shard.apply({ type: 'conclude', bytes }).map(said);
  }

  /** What a read of a locked key may see once its holder is known to be committed. */
  rowAfter(key: string, about: About = {}): string {
    const { machine } = this.shard;
    const holder = machine.transactions.lockTable.of(nameOf(about));
    const bytes = holder && machine.rowAfter(holder, bytesOf(key));
    if (bytes === undefined) return 'unknown';
    const row = decodeRow(bytes);
    return row === undefined ? 'none' : `${textOf(row.value)} at ${row.version}`;
  }

  clear(...abouts: readonly About[]): void {
    this.#silent('clear', encodeIds(abouts.length > 0 ? abouts.map(nameOf) : [nameOf()]));
  }

  /** As after an installed snapshot: all that a machine knows is in its rows. */
  rebuild(): void {
    this.shard.machine = new Machine({ source: this.shard.rows });
  }

  pass(milliseconds: number): void {
    this.shard.time += milliseconds;
  }

  forget(client = 2): void {
    this.shard.apply({ type: 'forget', clients: [clientOf(client)] });
  }

  /** The second client uses the slot of this sequence once more: it has its answer. */
  acknowledge(sequence = 20, deadline = this.shard.time + PATIENCE): void {
    const asked = { client: 2, sequence: after(sequence), deadline };
    this.shard.ask([[{ type: 'delete', key: bytesOf('nothing') }]], asked);
  }

  do(...operations: readonly Operation[]): string {
    return said(this.shard.do(...operations));
  }

  isHeld(key: string): boolean {
    return this.shard.machine.transactions.lockTable.holderOf(bytesOf(key)) !== undefined;
  }

  get prepared(): number {
    return this.shard.machine.transactions.lockTable.size;
  }

  get decisions(): number {
    return this.shard.machine.transactions.decisions.size;
  }

  #only(type: TransactionStep, bytes: Uint8Array, epoch?: number): string {
    const replies = this.shard.apply({ type, bytes }, epoch);
    equal(replies.length, 1);
    return said(replies[0]);
  }

  #silent(type: 'resolve' | 'clear', bytes: Uint8Array): void {
    equal(this.shard.apply({ type, bytes }).length, 0);
  }
}
