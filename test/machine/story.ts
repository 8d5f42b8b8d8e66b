/** One transaction as its client sees it, and what may be seen of it at any time and at the end. */

import { equal, ok } from 'node:assert/strict';
import type { Command } from '../../src/machine/command.ts';
import type { Reply } from '../../src/machine/reply.ts';
import type { DecisionProposal, Participant, Prepare } from '../../src/machine/transaction.ts';
import { idText, type TransactionId } from '../../src/machine/transaction-id.ts';
import type { MachineRig } from './machine-rig.ts';

interface StoryOptions {
  readonly id: TransactionId;
  /** The key that gets one byte in each shard. */
  readonly mark: string;
  readonly parts: readonly Command[];
  readonly participants: readonly Participant[];
  readonly isHomeLast: boolean;
}

export class Story {
  readonly id: TransactionId;
  readonly parts: readonly Command[];
  readonly participants: readonly Participant[];
  readonly isHomeLast: boolean;
  readonly head: Omit<Prepare, 'at' | 'operations'>;
  readonly #mark: string;
  #versions: readonly number[] = [];
  #wasCommitted = false;
  #wasRefused = false;

  constructor({ id, mark, parts, participants, isHomeLast }: StoryOptions) {
    this.id = id;
    this.parts = parts;
    this.participants = participants;
    this.isHomeLast = isHomeLast;
    this.#mark = mark;
    const age = id.sequence;
    this.head = { id, attempts: 0, age, participants };
  }

  /** Whether a proposal was answered by what became of the transaction, once and for all. */
  isDecisive({ type }: DecisionProposal, reply: Reply): boolean {
    if (reply.type === 'locked') return false;
    if (reply.type !== 'refused') return true;
    if (type === 'abort') return reply.reason !== 'window-full';
    return !['wrong-epoch', 'deadline-too-far', 'window-full'].includes(reply.reason);
  }

  /** Told once, it is told for ever; only of a commit that all have heard may nothing be known. */
  hear(reply: Reply, shards: readonly MachineRig[]): void {
    const name = idText(this.id);
    if (reply.type === 'committed') {
      ok(!this.#wasRefused, `${name} is committed after it was refused`);
      this.#wasCommitted = true;
      if (reply.versions.length > 0) this.#versions = reply.versions;
    } else if (this.#wasCommitted) {
      ok(this.isDone(shards), `${name} is refused after it was committed`);
    } else {
      this.#wasRefused = true;
    }
  }

  isDone(shards: readonly MachineRig[]): boolean {
    return this.#marks(shards).every((mark) => mark === '.');
  }

  check(shards: readonly MachineRig[]): void {
    const name = idText(this.id);
    const marks = this.#marks(shards);
    const [first] = marks;
    for (const mark of marks) equal(mark, first, `${name} is done everywhere or nowhere`);
    ok(first === undefined || first === '.', `${name} is done once: ${first}`);
    if (this.#wasCommitted) equal(first, '.', `${name} was said to be committed`);
    if (this.#wasRefused) equal(first, undefined, `${name} was said to be refused`);
    for (const [at, version] of this.#versions.entries()) {
      const { position } = this.participants[at] as Participant;
      equal(shards[position]?.row(this.#mark)?.version, version, `${name} has its versions`);
    }
  }

  #marks(shards: readonly MachineRig[]): readonly (string | undefined)[] {
    return this.participants.map(({ position }) => shards[position]?.value(this.#mark));
  }
}
