/** What the steps of transactions should do, on the plain maps of the reference. */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Command, Operation } from '../../src/machine/command.ts';
import type { Reply } from '../../src/machine/reply.ts';
import type { Decide, Prepare, Resolution } from '../../src/machine/transaction.ts';
import type { TransactionId } from '../../src/machine/transaction-id.ts';
import { type After, nameOf, Reference, refused } from './reference.ts';
import type { Proposed } from './traffic.ts';

/** Where a slot remembers what of a transaction. */
const DECISION = 0;
const PART = 1;

interface Remembered {
  readonly decision?: Reply;
  readonly part?: Reply;
}

const NONE: ReadonlySet<string> = new Set();

interface Ready {
  readonly after: After;
  /** Values that begin to live when they are written, by name. */
  readonly lives: ReadonlyMap<string, number>;
  readonly names: readonly string[];
}

/** A reference that knows of transactions. */
export class StepReference {
  readonly base = new Reference();
  readonly ready = new Map<string, Ready>();
  /** Whether it was a commit. */
  readonly decisions = new Map<string, boolean>();

  apply(index: number, proposed: Proposed): readonly Reply[] {
    const replies = this.base.apply(index, proposed);
    const { step, epoch } = proposed;
    switch (step?.type) {
      case 'prepare':
        return [this.#prepare(index, step.prepare, epoch)];
      case 'decide':
        return [this.#decide(index, step.decide, epoch)];
      case 'resolve':
        for (const resolution of step.resolutions) this.#resolve(resolution);
        return [];
      case 'clear':
        for (const id of step.ids) this.decisions.delete(textOf(id));
        return [];
      default:
        return replies;
    }
  }

  #prepare(index: number, prepare: Prepare, epoch: number): Reply {
    const { id, participants, at, operations } = prepare;
    const deadline = participants[at]?.deadline ?? 0;
    const reason = this.base.reasonAgainst(deadline, epoch);
    if (reason !== undefined) return refused(reason, 0);
    const known = this.#knownPart(prepare);
    if (known !== undefined) {
      this.base.letIn(id.client, deadline);
      return known;
    }
    const { reply, after } = this.base.judge(index, operations, NONE);
    if (reply.type === 'locked') return reply;
    this.#remember(id, deadline, { part: reply });
    if (reply.type === 'done') this.#hold(prepare, after);
    return reply;
  }

  #knownPart({ id, at }: Prepare): Reply | undefined {
    if (at === 0 && this.#decision(id) !== undefined) return refused('aborted', 0);
    if (this.base.isAcknowledged(id.client, id.sequence)) return refused('acknowledged', 0);
    const reply = this.base.recall(id.client, id.sequence, PART);
    return reply?.type === 'done' && !this.ready.has(textOf(id)) ? refused('aborted', 0) : reply;
  }

  #hold({ id, attempts, age, operations }: Prepare, after: After): void {
    const names = namesHeld(operations);
    for (const name of names) this.base.holders.set(name, { id, attempts, age });
    const lives = new Map<string, number>();
    for (const operation of operations) {
      if (!('lifeMilliseconds' in operation) || operation.lifeMilliseconds === 0) continue;
      const isAlways = operation.type === 'set' || operation.type === 'touch';
      // The others begin the life of a key only where they create it.
      if (!isAlways && this.base.rows.has(nameOf(operation.key))) continue;
      lives.set(nameOf(operation.key), operation.lifeMilliseconds);
    }
    this.ready.set(textOf(id), { after, lives, names });
  }

  #decide(index: number, decide: Decide, epoch: number): Reply {
    const { id, participants, proposal } = decide;
    const furthest = this.base.logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    const deadline = Math.min(participants[0]?.deadline ?? 0, furthest);
    const isOver = deadline < this.base.logTime;
    const known = this.#decision(id) ?? this.#given(id, isOver);
    if (known !== undefined) {
      if (!isOver) this.base.letIn(id.client, deadline);
      this.#release(id, false);
      return known;
    }
    if (proposal.type !== 'commit') {
      this.#remember(id, deadline, { decision: proposal.because });
      this.#conclude(decide, false);
      return proposal.because;
    }
    const reason = this.base.reasonAgainst(participants[0]?.deadline ?? 0, epoch);
    if (reason !== undefined) return refused(reason, 0);
    const reply = this.#outcome(index, id, proposal);
    if (reply.type === 'locked') return reply;
    this.#remember(id, deadline, { decision: reply });
    this.#conclude(decide, reply.type === 'committed');
    return reply;
  }

  #outcome(index: number, id: TransactionId, proposal: Commit): Reply {
    const { versions, outputs, operations } = proposal;
    if (operations.length === 0) {
      const isReady = this.ready.has(textOf(id));
      return isReady ? { type: 'committed', versions, outputs } : refused('aborted', 0);
    }
    const { reply, after } = this.base.judge(index, operations, NONE);
    if (reply.type !== 'done') return reply;
    this.base.write(after);
    const all = [...reply.outputs, ...outputs];
    return { type: 'committed', versions: [index, ...versions], outputs: all };
  }

  #decision(id: TransactionId): Reply | undefined {
    const reply = this.base.recall(id.client, id.sequence, DECISION);
    if (reply !== undefined) return reply;
    const isCommitted = this.decisions.get(textOf(id));
    if (isCommitted === undefined) return undefined;
    return isCommitted ? { type: 'committed', versions: [], outputs: [] } : refused('aborted', 0);
  }

  #given(id: TransactionId, isOver: boolean): Reply | undefined {
    if (isOver) return refused('deadline-passed', 0);
    const isSpent = this.base.isAcknowledged(id.client, id.sequence);
    return isSpent ? refused('acknowledged', 0) : undefined;
  }

  #remember({ client, sequence }: TransactionId, deadline: number, what: Remembered): void {
    const session = this.base.letIn(client, deadline);
    const { decision, part } = what;
    if (decision !== undefined) this.base.remember(session, sequence, DECISION, decision);
    if (part !== undefined) this.base.remember(session, sequence, PART, part);
  }

  #conclude({ id, participants }: Decide, isCommitted: boolean): void {
    this.#release(id, isCommitted);
    if (participants.length > 1) this.decisions.set(textOf(id), isCommitted);
  }

  #resolve({ id, isCommitted, deadline }: Resolution): void {
    if (this.#release(id, isCommitted) || isCommitted) return;
    const { logTime } = this.base;
    const furthest = logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    if (deadline < logTime || deadline > furthest) return;
    this.base.letIn(id.client, deadline);
    if (this.base.isAcknowledged(id.client, id.sequence)) return;
    if (this.base.recall(id.client, id.sequence, PART) !== undefined) return;
    this.#remember(id, deadline, { part: refused('aborted', 0) });
  }

  /** False if nothing was ready. */
  #release(id: TransactionId, isCommitted: boolean): boolean {
    const ready = this.ready.get(textOf(id));
    if (ready === undefined) return false;
    this.ready.delete(textOf(id));
    for (const name of ready.names) this.base.holders.delete(name);
    if (!isCommitted) return true;
    for (const [name, life] of ready.lives) {
      const row = ready.after.get(name);
      if (row !== undefined) ready.after.set(name, { ...row, expiresAt: this.base.logTime + life });
    }
    this.base.write(ready.after);
    return true;
  }
}

type Commit = Extract<Decide['proposal'], { type: 'commit' }>;

function namesHeld(operations: Command): readonly string[] {
  const names = operations.filter(isHeldFor).map(({ key }) => nameOf(key));
  return [...new Set(names)];
}

/** All but a version that names one value, and a range that only leaders judge. */
function isHeldFor(operation: Operation): boolean {
  if (operation.type === 'check-version') return operation.version === 0;
  return operation.type !== 'check-range';
}

function textOf({ home, client, sequence }: TransactionId): string {
  return `${home} ${nameOf(client)} ${sequence}`;
}
