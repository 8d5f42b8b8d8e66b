/**
 * Owners of locks through the core of the library. Each records when it believes to own a lock;
 * some go on writing with the token of a lock that they have lost. A set that is read and written
 * under a lock loses no element, because each owner raises the token at its key before it reads.
 */

import type { ReadCall } from '../../src/client/core/call.ts';
import type {
  LockCall,
  OwnedLock,
  UnlockCall,
} from '../../src/client/core/coordination/ticket-call.ts';
import type { Command, LockKind } from '../../src/machine/command.ts';
import { type Belief, checkBeliefs } from '../checkers/beliefs.ts';
import { bytesOf, type Customer, TIMEOUT_MILLISECONDS, textOf } from './customer.ts';
import { guardedWritesIn } from './lease-history.ts';
import type { Truth } from './truth.ts';
import { inTurn, type Workload } from './workload.ts';

interface Lock {
  readonly name: string;
  readonly kind: LockKind;
  readonly permits: number;
}

const LOCKS: readonly Lock[] = [
  { name: 'owned-a', kind: 'exclusive', permits: 1 },
  { name: 'owned-b', kind: 'exclusive', permits: 1 },
  { name: 'owned-c', kind: 'shared', permits: 1 },
  { name: 'owned-d', kind: 'semaphore', permits: 2 },
];
const WAITS = [0, 300, 3000, 15_000];
const TTLS = [1000, 2000, 5000, 15_000];
const KEYS = 6;
const WORK_MAX = 4;
const BREAKS_CHANCE = 0.3;
const GUARD_CHANCE = 0.4;
const ELECTED_CHANCE = 0.3;

type OpenBelief = { -readonly [Name in keyof Belief]: Belief[Name] };

/** An owner at work. */
interface Job {
  readonly customer: Customer;
  readonly life: number;
  readonly lock: OwnedLock;
  readonly belief: OpenBelief;
  readonly ttl: number;
  /** It does not care whether it still owns the lock. */
  readonly breaks: boolean;
  readonly done: () => void;
}

interface OwnersOptions {
  readonly isDriftBounded: boolean;
  readonly hit: (probe: string) => void;
}

export class Owners implements Workload {
  readonly #options: OwnersOptions;
  readonly #beliefs: OpenBelief[] = [];
  readonly #broken: string[] = [];
  /** By lock: the elements that were acknowledged. */
  readonly #added = new Map<string, string[]>();
  readonly #sets = new Map<string, readonly string[]>();
  #values = 0;

  constructor(options: OwnersOptions) {
    this.#options = options;
  }

  step(customer: Customer, done: () => void): void {
    const { random, life } = customer;
    const { name, kind: usual, permits } = random.pick(LOCKS);
    const kind = usual === 'shared' && random.chance(0.3) ? 'exclusive' : usual;
    const ttl = random.pick(TTLS);
    const waitMilliseconds = random.pick(WAITS);
    const about = { lease: undefined, ttlMilliseconds: ttl, note: new Uint8Array(0) };
    customer.call<LockCall>(
      { type: 'lock', name: bytesOf(name), kind, permits, waitMilliseconds, ...about },
      (result) => {
        if (result.type === 'failed') {
          customer.hit(`lock ${result.code}`);
          const isDead = customer.life !== life;
          if (result.outcome !== 'notApplied' && !isDead) {
            this.#broken.push(`a lock was not had, and its outcome is ${result.outcome}`);
          }
          return done();
        }
        const { lock } = result;
        const belief = this.#believe(customer, lock, { name, kind, permits });
        const breaks = random.chance(BREAKS_CHANCE);
        this.#work({ customer, life, lock, belief, ttl, breaks, done }, random.below(WORK_MAX));
      },
      Math.max(waitMilliseconds, TIMEOUT_MILLISECONDS),
    );
  }

  finish(customer: Customer, done: () => void): void {
    const names = [...this.#added.keys()];
    const each = (name: string, next: () => void) => {
      this.#read(customer, name, (elements) => {
        if (elements === undefined) return;
        this.#sets.set(name, elements);
        next();
      });
    };
    inTurn(names, each, done);
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('lock', broken);
    for (const [name, added] of this.#added) {
      const lost = added.find((element) => !this.#sets.get(name)?.includes(element));
      if (lost !== undefined) truth.fail('lock-set', `${name} has lost ${lost}`);
    }
    const { isDriftBounded, hit } = this.#options;
    const writes = guardedWritesIn(truth);
    const { findings, overlaps } = checkBeliefs({
      beliefs: this.#beliefs,
      writes,
      isDriftBounded,
    });
    for (let at = 0; at < overlaps; at++) hit('owners overlapped beyond the bound of clocks');
    const [found] = findings;
    if (found !== undefined) truth.fail(`belief ${found.rule}`, found.text);
  }

  #believe(customer: Customer, lock: OwnedLock, { name, kind, permits }: Lock): OpenBelief {
    customer.hit(`owned ${kind}`);
    if (customer.isHeld) this.#broken.push('a process that is held is told of a lock');
    const owner = `customer ${customer.number}.${customer.life}`;
    const [from, token] = [customer.now, lock.fence];
    const belief: OpenBelief = { name, owner, kind, permits, token, from, until: undefined };
    const end = () => {
      belief.until ??= customer.ranUntil;
    };
    lock.onLost = () => {
      customer.hit('lock lost');
      end();
    };
    if (lock.loss !== undefined) end();
    customer.onCrash(end);
    this.#beliefs.push(belief);
    return belief;
  }

  /** Some pieces of work, and then the release. */
  #work(job: Job, pieces: number): void {
    const { customer, life, lock, ttl, breaks } = job;
    customer.after(customer.random.between(0, ttl / 2), () => {
      if (customer.life !== life) return job.done();
      customer.observe();
      const isLost = lock.loss !== undefined;
      if (pieces === 0 || customer.isStopping || (isLost && !breaks)) return this.#release(job);
      if (isLost) customer.hit('went on with a lost lock');
      const next = () => this.#work(job, pieces - 1);
      if (job.belief.kind === 'exclusive' && customer.random.chance(GUARD_CHANCE)) {
        this.#add(job, next);
      } else this.#write(job, next);
    });
  }

  /** Some keys go with the lease of the lock, as the value of an elected leader does. */
  #write({ customer, lock }: Job, next: () => void): void {
    const { random } = customer;
    const { lease } = lock.ticket;
    const isElected = random.chance(ELECTED_CHANCE);
    const attached = isElected ? { lease: { id: lease.id, opening: undefined } } : {};
    const command: Command = random
      .shuffle(Array.from({ length: KEYS }, (_, at) => at))
      .slice(0, random.pick([1, 1, 2, 3]))
      .map((key) => {
        this.#values += 1;
        const value = bytesOf(`guarded ${this.#values}`);
        const about = { key: bytesOf(`guarded-${key}`), value, lifeMilliseconds: 0 };
        return { type: 'set', ...about, ...attached };
      });
    customer.write(
      command,
      ({ outcome }) => {
        customer.hit(`guarded write ${outcome}${isElected ? ', attached' : ''}`);
        next();
      },
      {
        ...(lock.fence > 0 ? { guards: [guardOf(lock)] } : {}),
        ...(isElected ? { leases: [lease] } : {}),
      },
    );
  }

  /** Raises the token at the key, reads the set there, and writes it with one more element. */
  #add({ customer, lock, belief: { name } }: Job, next: () => void): void {
    const key = bytesOf(setOf(name));
    const fence = { type: 'fence', key, ...guardOf(lock) } as const;
    customer.write([fence], ({ outcome, reply }) => {
      if (outcome !== 'ok' || reply?.type !== 'done') return next();
      this.#read(customer, name, (elements) => {
        if (elements === undefined) return next();
        this.#values += 1;
        const element = String(this.#values);
        const value = bytesOf([...elements, element].join());
        const put = { type: 'set', key, value, lifeMilliseconds: 0 } as const;
        customer.write(
          [put],
          (written) => {
            if (written.reply?.type === 'done') {
              customer.hit('added under a lock');
              this.#added.set(name, [...(this.#added.get(name) ?? []), element]);
            }
            next();
          },
          { guards: [guardOf(lock)] },
        );
      });
    });
  }

  #read(
    customer: Customer,
    name: string,
    then: (elements: readonly string[] | undefined) => void,
  ): void {
    const level = { type: 'linearizable' } as const;
    const keys = [bytesOf(setOf(name))];
    customer.call<ReadCall>({ type: 'read', keys, level, isJoint: false }, (result) => {
      if (result.type === 'failed') return then(undefined);
      const value = result.rows[0]?.value;
      then(value === undefined ? [] : textOf(value).split(','));
    });
  }

  #release({ customer, lock, belief, done }: Job): void {
    belief.until ??= customer.ranUntil;
    customer.call<UnlockCall>({ type: 'unlock', lock }, (result) => {
      customer.hit(`unlock ${result.type === 'failed' ? result.code : 'ok'}`);
      done();
    });
  }
}

function guardOf({ ticket: { name }, fence }: OwnedLock) {
  return { name, token: fence };
}

function setOf(name: string): string {
  return `set-${name}`;
}
