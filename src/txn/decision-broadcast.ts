/**
 * Sends the decisions of a home shard to the participants. The shard keeps a decision until every
 * participant has acknowledged it, and deletes it only then.
 */

import type { ShardId } from '../base/ids.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import type { Decision } from '../machine/decisions.ts';
import type { Participant, Resolution } from '../machine/transaction.ts';
import { idName, type TransactionId } from '../machine/transaction-id.ts';

export interface DecisionBroadcastPort {
  readonly now: number;
  /** Undefined if the node has no map. */
  shardAt(position: number): ShardId | undefined;
  /**
   * `done` is called once, with the number of resolutions, from the first on, that an entry
   * applied.
   */
  resolve(shard: ShardId, resolutions: readonly Resolution[], done: (heard: number) => void): void;
  /**
   * Proposes the deletion of acknowledged decisions. If it is lost, a later sweep finds the
   * decision and sends it again.
   */
  clear(ids: readonly TransactionId[]): void;
}

/** A decision and its participants. */
type Told = Pick<Decision, 'id' | 'isCommitted' | 'participants'>;

interface Telling {
  readonly id: TransactionId;
  readonly isCommitted: boolean;
  readonly isKept: boolean;
  /** The participants that have not acknowledged. */
  readonly left: Set<Participant>;
}

interface Word {
  readonly telling: Telling;
  readonly participant: Participant;
}

export class DecisionBroadcast {
  readonly #port: DecisionBroadcastPort;
  readonly #tellings = new Map<string, Telling>();
  /** Sent at the end of this turn. */
  #gathered: Word[] = [];
  #resting: { readonly words: readonly Word[]; readonly until: number }[] = [];
  #heard: TransactionId[] = [];
  #clearAt = Number.POSITIVE_INFINITY;

  constructor(port: DecisionBroadcastPort) {
    this.#port = port;
  }

  get size(): number {
    return this.#tellings.size;
  }

  /** The participants that have not acknowledged a decision; undefined if it is not being sent. */
  waitsFor(id: TransactionId): readonly Participant[] | undefined {
    const telling = this.#tellings.get(idName(id));
    return telling && [...telling.left];
  }

  /**
   * Does nothing for a decision that is being sent already. An abort that the shard does not keep
   * is sent once: a participant that does not receive it asks.
   */
  tell({ id, isCommitted, participants }: Told, isKept: boolean): void {
    const name = idName(id);
    if (this.#tellings.has(name)) return;
    // The home shard stands first and has the decision.
    const left = new Set(participants.slice(1));
    if (left.size === 0) return;
    const telling: Telling = { id, isCommitted, isKept, left };
    this.#tellings.set(name, telling);
    for (const participant of left) this.#gathered.push({ telling, participant });
  }

  /** At the end of a turn: one message for each shard. */
  flush(): void {
    if (this.#gathered.length === 0) return;
    const words = this.#gathered;
    this.#gathered = [];
    const byShard = new Map<ShardId, Word[]>();
    for (const word of words) {
      const shard = this.#port.shardAt(word.participant.position);
      if (shard === undefined) {
        this.#rest([word]);
        continue;
      }
      const list = byShard.get(shard);
      if (list === undefined) byShard.set(shard, [word]);
      else list.push(word);
    }
    for (const [shard, list] of byShard) {
      for (let at = 0; at < list.length; at += TRANSACTION_LIMITS.resolutionsMax) {
        this.#send(shard, list.slice(at, at + TRANSACTION_LIMITS.resolutionsMax));
      }
    }
  }

  tick(): void {
    const { now } = this.#port;
    const due = this.#resting.filter(({ until }) => until <= now);
    if (due.length > 0) this.#resting = this.#resting.filter(({ until }) => until > now);
    for (const { words } of due) this.#gathered.push(...words);
    if (this.#clearAt <= now) this.#clear();
  }

  #send(shard: ShardId, words: readonly Word[]): void {
    const resolutions = words.map(({ telling, participant }): Resolution => {
      const { id, isCommitted } = telling;
      return { id, isCommitted, deadline: participant.deadline };
    });
    this.#port.resolve(shard, resolutions, (heard) => {
      if (heard === 0) return this.#rest(words);
      for (const word of words.slice(0, heard)) this.#hear(word);
      // One entry does not hold them all: the rest goes with the next turn.
      this.#gathered.push(...words.slice(heard));
    });
  }

  #hear({ telling, participant }: Word): void {
    telling.left.delete(participant);
    if (telling.left.size > 0) return;
    if (!telling.isKept) {
      this.#tellings.delete(idName(telling.id));
      return;
    }
    this.#heard.push(telling.id);
    if (this.#heard.length >= TRANSACTION_LIMITS.resolutionsMax) return this.#clear();
    const at = this.#port.now + TRANSACTION_LIMITS.clearMilliseconds;
    this.#clearAt = Math.min(this.#clearAt, at);
  }

  /** Deletes many acknowledged decisions with one entry; no request waits for it. */
  #clear(): void {
    const ids = this.#heard;
    this.#heard = [];
    this.#clearAt = Number.POSITIVE_INFINITY;
    for (const id of ids) this.#tellings.delete(idName(id));
    this.#port.clear(ids);
  }

  #rest(words: readonly Word[]): void {
    const kept = words.filter(({ telling }) => telling.isKept);
    for (const word of words) if (!word.telling.isKept) this.#hear(word);
    if (kept.length === 0) return;
    this.#resting.push({
      words: kept,
      until: this.#port.now + TRANSACTION_LIMITS.restMilliseconds,
    });
  }
}
