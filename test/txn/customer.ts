/**
 * Clients of a cluster: each runs one transaction after the other, under one id until it is
 * answered. A transaction appends its number to some keys, and records what it saw in others: so
 * the final lists show the order of all transactions.
 */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { Reply } from '../../src/machine/reply.ts';
import { isLocking, type Part, type TransactionRequest } from '../../src/machine/transaction.ts';
import { keyPosition } from '../../src/ring/key-position.ts';
import { bytesOf, EPOCH, START } from '../machine/machine-rig.ts';
import type { Cluster } from './cluster.ts';
import { clientOf } from './spelling.ts';

const KEYS_OF_A_SHARD = 2;
const REST_MILLISECONDS = 50;
/** So short that it passes for some. */
const PATIENCE_MILLISECONDS = [300, 6000] as const;

/** What a transaction saw of a key: how many numbers it had. */
interface Sight {
  readonly key: string;
  readonly count: number;
}

export interface Attempt {
  readonly number: number;
  readonly appended: readonly string[];
  sights: readonly Sight[];
  readonly beganAt: number;
  /** Undefined while the outcome is unknown. */
  end: { readonly at: number; readonly outcome: Outcome } | undefined;
  copies: number;
}

type Outcome = 'committed' | 'refused' | 'unknown';

/** Names contain the shard. */
export function keysOf(shards: number): readonly string[] {
  return Array.from({ length: shards * KEYS_OF_A_SHARD }, (_, at) => {
    return `${at % shards}-${Math.floor(at / shards)}`;
  });
}

function shardOf(key: string): number {
  return Number(key.split('-')[0]);
}

/** Moments of the test: each is later than all before. */
let moments = 0;
let numbers = 0;

interface Rank {
  readonly attempts: number;
  readonly age: number | undefined;
}

type Unranked = Omit<TransactionRequest, 'attempts' | 'age'>;

export class Customer {
  readonly #cluster: Cluster;
  readonly #client: Uint8Array;
  readonly attempts: Attempt[] = [];
  #sequence = 0;
  #left: number;

  constructor(cluster: Cluster, options: { readonly name: number; readonly count: number }) {
    this.#cluster = cluster;
    this.#client = clientOf(options.name);
    cluster.clients.push(this.#client);
    this.#left = options.count;
    if (options.name === 1) numbers = 0;
    this.#begin({ attempts: 0, age: undefined });
  }

  get isDone(): boolean {
    return this.#left === 0;
  }

  /** The age is that of the first attempt, if this is another one. */
  #begin({ attempts, age }: Rank): void {
    const { random } = this.#cluster;
    const shuffled = keysOf(this.#cluster.shards.length)
      .map((key) => ({ key, weight: random.word() }))
      .sort((one, other) => one.weight - other.weight)
      .map(({ key }) => key);
    const appended = shuffled.slice(0, 1 + random.below(3));
    // A key that it reads it may write as well: of those only one can commit at a time.
    const from = random.below(4);
    const looked = shuffled.slice(from, from + random.below(3));
    this.#look(looked, [], (seen) => {
      numbers += 1;
      const sights = seen.map(({ key, count }) => ({ key, count }));
      const attempt: Attempt = {
        number: numbers,
        appended,
        sights,
        beganAt: moments++,
        end: undefined,
        copies: 0,
      };
      this.attempts.push(attempt);
      const rank = { attempts, age: age ?? this.#cluster.now };
      this.#send(attempt, { ...this.#transaction(attempt, seen), ...rank });
    });
  }

  /** One key after the other, each at its own moment; a held key is waited for. */
  #look(keys: readonly string[], seen: readonly Seen[], done: (seen: readonly Seen[]) => void) {
    const [key, ...rest] = keys;
    if (key === undefined) return done(seen);
    const cluster = this.#cluster;
    cluster.later(() => {
      const shard = cluster.shard(shardOf(key));
      const holder = shard.prepared.holderOf(bytesOf(key));
      if (holder !== undefined) {
        shard.meet(holder, false);
        return this.#look(keys, seen, done);
      }
      const row = cluster.row(shardOf(key), key);
      const sight = { key, count: row?.value.length ?? 0, version: row?.version ?? 0 };
      this.#look(rest, [...seen, sight], done);
    });
  }

  #transaction({ number, appended }: Attempt, seen: readonly Seen[]): Unranked {
    const parts = new Map<number, Operation[]>();
    const put = (key: string, operation: Operation) => {
      const list = parts.get(shardOf(key)) ?? [];
      parts.set(shardOf(key), [...list, operation]);
    };
    for (const key of appended) {
      put(key, {
        type: 'append',
        key: bytesOf(key),
        value: Uint8Array.of(number),
        lifeMilliseconds: 0,
      });
    }
    for (const { key, version } of seen) {
      put(key, { type: 'check-version', key: bytesOf(key), version });
    }
    const { now, random } = this.#cluster;
    const deadline = START + now + random.between(...PATIENCE_MILLISECONDS);
    const sequence = this.#sequence;
    // Sometimes the next one takes the same slot, and so acknowledges this one everywhere.
    this.#sequence += random.below(2) === 0 ? 2 : MACHINE_LIMITS.sessionSlots;
    const terms = { epoch: EPOCH, deadline };
    const list = [...parts].map(([shard, operations]): Part => ({ ...terms, shard, operations }));
    for (const { shard, operations } of list) {
      const first = operations.find(isLocking);
      if (first !== undefined) this.#cluster.learn(keyPosition(first.key), shard);
    }
    return { client: this.#client, sequence, parts: list };
  }

  /** The same bytes until there is an answer. */
  #send(attempt: Attempt, transaction: TransactionRequest): void {
    const home = this.#cluster.shard(transaction.parts[0]?.shard ?? 0);
    attempt.copies += 1;
    this.#cluster.ask(
      (answer) => home.conduct(transaction, answer),
      (reply) => {
        if (reply === undefined) return this.#rest(() => this.#send(attempt, transaction));
        this.#take(attempt, transaction, reply);
      },
    );
  }

  #take(attempt: Attempt, { attempts, age }: TransactionRequest, reply: Reply): void {
    attempt.end = { at: moments++, outcome: outcomeOf(reply, attempt) };
    const isInTheWay = reply.type === 'refused' && ['gave-way', 'aborted'].includes(reply.reason);
    if (isInTheWay) return this.#rest(() => this.#begin({ attempts: attempts + 1, age }));
    this.#left -= 1;
    if (this.#left > 0) this.#begin({ attempts: 0, age: undefined });
  }

  #rest(then: () => void): void {
    const until = this.#cluster.now + this.#cluster.random.below(REST_MILLISECONDS);
    const look = () => {
      if (this.#cluster.now >= until) then();
      else this.#cluster.later(look);
    };
    this.#cluster.later(look);
  }
}

/** A copy that was too late says nothing about an earlier one. */
function outcomeOf(reply: Reply, { copies }: Attempt): Outcome {
  if (reply.type === 'committed') return 'committed';
  const isLate = reply.type === 'refused' && reply.reason === 'deadline-passed';
  return isLate && copies > 1 ? 'unknown' : 'refused';
}

interface Seen extends Sight {
  readonly version: number;
}
