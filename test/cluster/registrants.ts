/**
 * Services that register themselves: keys that live as long as a lease of their client. A lease
 * that its client believes to be held has not ended, and a dead client's keys are gone soon.
 */

import { KeptLease } from '../../src/client/core/coordination/kept-lease.ts';
import type { EndLeaseCall } from '../../src/client/core/coordination/ticket-call.ts';
import type { Command } from '../../src/machine/command.ts';
import { checkLeases, type LeaseLife } from '../checkers/leases.ts';
import { bytesOf, type Customer } from './customer.ts';
import { attachedIn, gapsIn, leaseName, renewalsIn } from './lease-history.ts';
import type { Truth } from './truth.ts';
import type { Workload } from './workload.ts';

const TTLS = [1000, 2000, 5000, 15_000];
const KEYS = 8;
const ROUNDS_MAX = 5;
const LOOK_MILLISECONDS = 40;
const PLAIN_CHANCE = 0.15;
/** Of a leader that is stalled, or waits for a slow disk: for one entry, or to look for keys. */
const STEP_MILLISECONDS = 1500;

interface Span {
  readonly from: number;
  to: number;
  isOver: boolean;
}

interface Registration {
  readonly customer: Customer;
  readonly life: number;
  readonly lease: KeptLease;
  /** By shard: while its client believed that it was alive there, without a break. */
  readonly believed: Map<number, Span[]>;
  releasedAt: number | undefined;
  diedAt: number | undefined;
  isOver: boolean;
}

export class Registrants implements Workload {
  readonly #isDriftBounded: boolean;
  readonly #registrations: Registration[] = [];
  #values = 0;

  constructor({ isDriftBounded }: { readonly isDriftBounded: boolean }) {
    this.#isDriftBounded = isDriftBounded;
  }

  step(customer: Customer, done: () => void): void {
    const { random, life } = customer;
    const id = Uint8Array.from({ length: 16 }, () => random.below(256));
    const terms = { id, ttlMilliseconds: random.pick(TTLS), note: new Uint8Array(0) };
    const lease = new KeptLease(terms);
    customer.lease(lease);
    const registration: Registration = {
      customer,
      life,
      lease,
      believed: new Map(),
      releasedAt: undefined,
      diedAt: undefined,
      isOver: false,
    };
    customer.onCrash(() => {
      registration.diedAt ??= customer.now;
      registration.isOver = true;
    });
    this.#registrations.push(registration);
    this.#look(registration);
    this.#register(registration, random.between(1, ROUNDS_MAX), done);
  }

  finish(_customer: Customer, done: () => void): void {
    done();
  }

  judge(truth: Truth): void {
    const attached = attachedIn(truth);
    const renewals = renewalsIn(truth);
    const lives = this.#registrations.map((one) => lifeOf(one));
    for (const { lease, believed } of this.#registrations) {
      const name = leaseName(lease.id);
      for (const stay of attached) {
        const { gone } = stay;
        if (stay.lease !== name || gone?.by !== 'lease') continue;
        const spans = believed.get(stay.shard) ?? [];
        const span = spans.find(({ from, to }) => from <= gone.at && gone.at < to);
        if (span === undefined) continue;
        const text = `its lease was believed to be held from ${span.from} to ${span.to}`;
        if (this.#isDriftBounded) truth.fail('lease early', `${stay.name} at ${gone.at}: ${text}`);
      }
    }
    // What its client sent before it died may be applied later: it counts from there.
    const counted = attached.map((stay) => {
      const renewed = renewals.get(`${stay.shard}/${stay.lease}`) ?? stay.from;
      return { ...stay, renewedAt: Math.max(stay.from, renewed) };
    });
    const about = { lingers: 0, stepMilliseconds: STEP_MILLISECONDS, now: truth.now };
    const history = { lives, attached: counted, gaps: gapsIn(truth), ...about };
    const [found] = checkLeases(history);
    if (found !== undefined) truth.fail(`lease ${found.rule}`, found.text);
  }

  /** Now and then: does its client believe in it? */
  #look(registration: Registration): void {
    const { customer, lease, life, believed } = registration;
    customer.after(LOOK_MILLISECONDS, () => {
      if (registration.isOver || customer.life !== life) return;
      customer.observe();
      for (const { shard, isOpen } of lease.places.values()) {
        note(believed, { shard, now: customer.now, isHeld: isOpen && lease.state === 'held' });
      }
      if (lease.state === 'ended') {
        registration.isOver = true;
        customer.hit(`lease ${lease.endReason}`);
        return;
      }
      this.#look(registration);
    });
  }

  #register(registration: Registration, rounds: number, done: () => void): void {
    const { customer, life, lease } = registration;
    const { random } = customer;
    customer.after(random.between(0, lease.ttlMilliseconds / 2), () => {
      if (customer.life !== life) return done();
      customer.observe();
      if (rounds === 0 || customer.isStopping || lease.state === 'ended') {
        return this.#end(registration, done);
      }
      customer.write(
        this.#keys(registration),
        ({ outcome }) => {
          customer.hit(`registered ${outcome}`);
          this.#register(registration, rounds - 1, done);
        },
        { leases: [lease] },
      );
    });
  }

  /** One key, or some in several shards; some of them without the lease. */
  #keys({ customer: { random }, lease }: Registration): Command {
    const keys = random.shuffle(Array.from({ length: KEYS }, (_, at) => `service-${at}`));
    return keys.slice(0, random.pick([1, 1, 2, 3])).map((key) => {
      this.#values += 1;
      const about = { key: bytesOf(key), value: bytesOf(`here ${this.#values}`) };
      const put = { type: 'set', ...about, lifeMilliseconds: 0 } as const;
      if (random.chance(PLAIN_CHANCE)) return put;
      return { ...put, lease: { id: lease.id, opening: undefined } };
    });
  }

  #end(registration: Registration, done: () => void): void {
    const { customer, lease } = registration;
    const { now } = customer;
    registration.isOver = true;
    registration.releasedAt ??= now;
    customer.call<EndLeaseCall>({ type: 'end-lease', lease }, (result) => {
      customer.hit(`lease ended: ${result.type === 'failed' ? result.code : 'ok'}`);
      registration.diedAt ??= now;
      done();
    });
  }
}

interface Look {
  readonly shard: number;
  readonly now: number;
  readonly isHeld: boolean;
}

function note(believed: Map<number, Span[]>, { shard, now, isHeld }: Look): void {
  const spans = believed.get(shard) ?? [];
  believed.set(shard, spans);
  const last = spans.at(-1);
  if (!isHeld && last !== undefined) last.isOver = true;
  else if (last !== undefined && !last.isOver) last.to = now;
  else if (isHeld) spans.push({ from: now, to: now, isOver: false });
}

function lifeOf({ lease, releasedAt, diedAt }: Registration): LeaseLife {
  const { ttlMilliseconds: ttl } = lease;
  const about = { lease: leaseName(lease.id), ttl, confirmed: [] };
  return {
    ...about,
    ...(releasedAt === undefined ? {} : { releasedAt }),
    ...(diedAt === undefined ? {} : { diedAt }),
  };
}
