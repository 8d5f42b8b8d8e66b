/**
 * Leases, locks and guarded writes as commands, by clients that follow no rule: tickets that are
 * asked for twice, leases that nothing keeps alive, tokens that are long over. The reference of
 * each shard judges the answers (`checkers/tickets.ts`).
 */

import type { Command, LockKind, Operation } from '../../src/machine/command.ts';
import { bytesOf, type Customer, type WriteRecord } from './customer.ts';
import type { Workload } from './workload.ts';

const NAMES = ['cron', 'mail', 'pool', 'door', 'log'];
const KINDS: Readonly<Record<string, LockKind>> = { pool: 'semaphore', door: 'shared' };
const PERMITS = 2;
const KEYS = 8;
const LEASES_MAX = 12;
const TTLS = [1000, 2000, 5000];
const TICKETS_MAX = 20;
const NO_NOTE = new Uint8Array(0);

interface Ticket {
  readonly name: string;
  readonly id: number;
}

export class RawLocks implements Workload {
  readonly #leases: Uint8Array[] = [];
  readonly #tickets: Ticket[] = [];
  /** Tokens that were seen, by name: some of them are long over. */
  readonly #tokens = new Map<string, number[]>();
  #values = 0;

  step(customer: Customer, done: () => void): void {
    const { random } = customer;
    const dice = random.below(100);
    if (dice < 35) return this.#acquire(customer, done);
    if (dice < 55) return this.#release(customer, done);
    if (dice < 60) return this.#endLease(customer, done);
    const keys = random.shuffle(Array.from({ length: KEYS }, (_, at) => `held-${at}`));
    const wanted = keys.slice(0, random.pick([1, 1, 2, 3]));
    const writes = wanted.map((key): Operation => this.#write(customer, key));
    customer.write(this.#guarded(customer, writes), ({ reply }) => {
      customer.hit(`wrote with locks: ${reply?.type ?? 'nothing'}`);
      done();
    });
  }

  finish(_customer: Customer, done: () => void): void {
    done();
  }

  judge(): void {}

  #acquire(customer: Customer, done: () => void): void {
    const { random } = customer;
    const known = random.chance(0.25) ? random.pick([...this.#tickets, undefined]) : undefined;
    const ticket = known ?? { name: random.pick(NAMES), id: random.below(2 ** 40) };
    const { name, id } = ticket;
    if (known === undefined) this.#tickets.push(ticket);
    if (this.#tickets.length > TICKETS_MAX) this.#tickets.shift();
    const kind = random.chance(0.03) ? 'exclusive' : (KINDS[name] ?? 'exclusive');
    const isMixed = kind === 'shared' && random.chance(0.4);
    const acquire: Operation = {
      type: 'acquire',
      key: bytesOf(name),
      lease: this.#lease(customer),
      ticket: id,
      kind: isMixed ? 'exclusive' : kind,
      permits: kind === 'semaphore' ? PERMITS : 1,
      isWaiting: random.chance(0.8),
      note: NO_NOTE,
    };
    customer.write([acquire], (record) => {
      const state = ticketIn(record);
      if (state === undefined) return done();
      const { fence, number } = state;
      customer.hit(fence > 0 ? 'ticket owns' : number > 0 ? 'ticket waits' : 'ticket not kept');
      if (fence > 0) this.#tokens.set(name, [...(this.#tokens.get(name) ?? []).slice(-5), fence]);
      done();
    });
  }

  #release(customer: Customer, done: () => void): void {
    const at = customer.random.below(this.#tickets.length + 1);
    const [ticket] = this.#tickets.splice(at, customer.random.chance(0.8) ? 1 : 0);
    if (ticket === undefined) return done();
    const { name, id } = ticket;
    customer.write([{ type: 'release', key: bytesOf(name), ticket: id }], (record) => {
      if (ticketIn(record) !== undefined) customer.hit('ticket released');
      done();
    });
  }

  /** In one shard; in the others it ends when its time is over. */
  #endLease(customer: Customer, done: () => void): void {
    const at = customer.random.below(this.#leases.length + 1);
    const [lease] = this.#leases.splice(at, 1);
    if (lease === undefined) return done();
    const key = bytesOf(customer.random.pick(NAMES));
    customer.write([{ type: 'end-lease', key, lease }], () => done());
  }

  #write(customer: Customer, key: string): Operation {
    const { random } = customer;
    this.#values += 1;
    const about = { key: bytesOf(key), value: bytesOf(`raw ${this.#values}`) };
    if (random.chance(0.1)) return { type: 'delete', key: about.key };
    if (random.chance(0.1)) return { type: 'touch', key: about.key, lifeMilliseconds: 2000 };
    if (random.chance(0.4)) return { type: 'set', ...about, lifeMilliseconds: 0 };
    return { type: 'set', ...about, lifeMilliseconds: 0, lease: this.#lease(customer) };
  }

  #guarded(customer: Customer, writes: Command): Command {
    const { random } = customer;
    const name = random.pick(NAMES);
    const tokens = this.#tokens.get(name) ?? [];
    if (tokens.length === 0 || random.chance(0.4)) return writes;
    const token = random.pick(tokens);
    const keys = writes.map(({ key }) => key);
    return [
      ...keys.map((key): Operation => ({ type: 'fence', key, name: bytesOf(name), token })),
      ...writes,
    ];
  }

  #lease({ random }: Customer) {
    const isKnown = this.#leases.length > 0 && random.chance(0.55);
    const id = isKnown
      ? random.pick(this.#leases)
      : Uint8Array.from({ length: 16 }, () => random.below(256));
    if (!isKnown) this.#leases.push(id);
    if (this.#leases.length > LEASES_MAX) this.#leases.shift();
    const opening = { ttlMilliseconds: random.pick(TTLS), note: NO_NOTE };
    return { id, opening: random.chance(0.85) ? opening : undefined };
  }
}

function ticketIn({ reply }: WriteRecord) {
  const [output] = reply?.type === 'done' ? reply.outputs : [];
  return output?.type === 'ticket' ? output : undefined;
}
