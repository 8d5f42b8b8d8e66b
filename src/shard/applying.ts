/** Applies the committed entries of one replica to its machine and its state, in order. */

import { unreachable } from '../base/assert.ts';
import { Fifo } from '../base/fifo.ts';
import type { Changes } from '../machine/key-change.ts';
import type { Prepared } from '../machine/lock-table.ts';
import { SECTION } from '../machine/section.ts';
import { type Grant, NO_GRANTS } from '../machine/tickets.ts';
import type { LogEntry, SnapshotDescription } from '../raft/message.ts';
import type { Position } from '../raft/position.ts';
import { StateDamage } from '../storage/state/state.ts';
import { FingerprintTaking } from './fingerprint-taking.ts';
import { isValue } from './lost-value.ts';
import type { Proposing } from './proposing.ts';
import type { ReplicaState } from './replica-state.ts';
import type { ShardMachine } from './shard-machine.ts';
import { ofLaterVersion } from './stop-reason.ts';
import type { Streams } from './streams.ts';

interface ApplyingOptions {
  readonly state: ReplicaState;
  readonly proposing: Proposing;
  readonly streams: Streams;
  /** Makes a machine on a sound state; throws `StateDamage`. */
  readonly newMachine: () => ShardMachine;
}

export class Applying {
  readonly fingerprint: FingerprintTaking;
  readonly #state: ReplicaState;
  readonly #proposing: Proposing;
  readonly #streams: Streams;
  readonly #newMachine: () => ShardMachine;
  /** Committed entries that are not applied yet, in order. */
  readonly #queue = new Fifo<LogEntry>();
  /** Parts of transactions that released their locks since they were taken. */
  #freed: Prepared[] | 'all' = [];
  /** What became of tickets that waited, since it was taken. */
  #grants: readonly Grant[] = NO_GRANTS;
  /** The log time before which no key expires; 0 until the keys were scanned once. */
  dueAt = 0;

  constructor({ state, proposing, streams, newMachine }: ApplyingOptions) {
    this.#state = state;
    this.#proposing = proposing;
    this.#streams = streams;
    this.#newMachine = newMachine;
    this.fingerprint = new FingerprintTaking(state.shard, state.store);
  }

  get isEmpty(): boolean {
    return this.#queue.isEmpty;
  }

  add(entries: readonly LogEntry[]): void {
    for (const entry of entries) this.#queue.push(entry);
  }

  clear(): void {
    this.#queue.takeAll();
  }

  takeFreed(): readonly Prepared[] | 'all' {
    const freed = this.#freed;
    this.#freed = [];
    return freed;
  }

  takeGrants(): readonly Grant[] {
    const grants = this.#grants;
    this.#grants = NO_GRANTS;
    return grants;
  }

  /** As far as the store has room. */
  work(): void {
    const state = this.#state;
    const before = state.applied;
    while (!this.#queue.isEmpty && state.store.hasRoom && !state.isCorrupt) {
      const entry = this.#queue.first as LogEntry;
      this.#heedDamage(() => this.#apply(entry));
      if (state.stopReason !== '') return;
      this.#queue.shift();
    }
    if (state.isCorrupt) this.#queue.takeAll();
    if (state.applied > before) state.step({ type: 'applied', index: state.applied });
  }

  /** A snapshot replaced the state. A replica whose state was damaged gets a new machine. */
  restart({ index, term }: SnapshotDescription): void {
    const state = this.#state;
    state.applied = index;
    state.appliedTerm = term;
    this.dueAt = 0;
    state.counts.restart();
    state.context.histories.reset(state.history, state.position);
    const wasCorrupt = state.isCorrupt;
    state.isCorrupt = false;
    this.#heedDamage(() => {
      if (wasCorrupt) state.machine = this.#newMachine();
      else state.machine.reload();
    });
    if (wasCorrupt && !state.isCorrupt) state.report({ type: 'corruption-changed' });
    this.#freed = 'all';
    this.#streams.replaced();
    state.time.follow(state.machine.time, state.now);
  }

  /** Damage to the state of one shard is no reason to stop the others. */
  #heedDamage(work: () => void): void {
    try {
      work();
    } catch (error) {
      if (!(error instanceof StateDamage)) throw error;
      this.#state.markCorrupt();
    }
  }

  #apply(entry: LogEntry): void {
    const { index, term } = entry;
    const state = this.#state;
    const { store, shard, machine } = state;
    const position = { index, term };
    switch (entry.kind) {
      case 'command': {
        const verdict = machine.apply({ index, payload: entry.payload });
        if (verdict === 'unknown') return state.stop(ofLaterVersion(index));
        state.counts.apply(verdict.writes, this.#storedRow);
        // Before the store takes the writes: changes may be views of rows that they delete.
        this.#remember(position, verdict.changes);
        store.apply(shard, { position, configuration: undefined, writes: verdict.writes });
        if (verdict.dueAt < this.dueAt) this.dueAt = verdict.dueAt;
        const isOwn = state.isLeader && term === state.raft.term;
        state.time[isOwn ? 'confirm' : 'follow'](machine.time, state.now);
        this.#proposing.answer(position, verdict.replies, machine.time);
        if (this.#freed !== 'all') this.#freed.push(...verdict.freed);
        if (verdict.grants.length > 0) this.#tellGrants(verdict.grants);
        if (state.isLeader) state.context.leases.fenced += verdict.fenced;
        break;
      }
      case 'configuration':
      case 'empty': {
        const configuration = entry.kind === 'configuration' ? entry.configuration : undefined;
        this.#remember(position, []);
        store.apply(shard, { position, configuration, writes: [] });
        this.#proposing.answer(position, [], machine.time);
        break;
      }
      default:
        unreachable(entry);
    }
    this.fingerprint.applied(index);
    state.applied = index;
    state.appliedTerm = term;
  }

  /** A value that was lost could not be counted either. */
  readonly #storedRow = (key: Uint8Array): Uint8Array | undefined => {
    const state = this.#state;
    try {
      return state.store.get(state.shard, SECTION.values, key);
    } catch (error) {
      if (error instanceof StateDamage && isValue(error) && state.isIrreplaceable) return undefined;
      throw error;
    }
  };

  #tellGrants(grants: readonly Grant[]): void {
    const { isLeader, context } = this.#state;
    this.#grants = [...this.#grants, ...grants];
    if (isLeader) context.leases.granted += grants.filter(({ fence }) => fence > 0).length;
  }

  #remember(position: Position, changes: Changes): void {
    const { context, history } = this.#state;
    this.#streams.applied(history.head, changes);
    context.histories.add(history, position, changes);
  }
}
