/** Plays transcripts of leases and locks on one shard, whose leader does its background work. */

import type { LockKind } from '../../src/machine/command.ts';
import { decodeEntry } from '../../src/machine/entry.ts';
import type { Response } from '../../src/wire/response.ts';
import {
  acquire,
  attach,
  endLease,
  fence,
  known,
  lease,
  release,
} from '../machine/coordination-rig.ts';
import { put } from '../machine/machine-rig.ts';
import { saidOf } from '../shard/lock-rig.ts';
import { LeaseRig } from './lease-rig.ts';

/** Where the verb ends. */
const COLUMN = 10;
const CLIENTS = 'ABCDEFGH';
/** Of the transaction that holds keys. */
const HOLDER = 50;

/** A request that was not answered at once. */
interface Open {
  readonly who: string;
  readonly what: string;
  readonly responses: readonly Response[];
}

export class LeaseStage {
  ttl = 15_000;
  readonly #rig = new LeaseRig();
  #lines: string[] = [];
  #open: Open[] = [];
  #seen = 0;

  constructor() {
    this.takeEntries();
  }

  /** The output since the last call. */
  listen(): readonly string[] {
    const answered = this.#open.filter(({ responses }) => responses.length > 0);
    this.#open = this.#open.filter(({ responses }) => responses.length === 0);
    for (const { who, what, responses } of answered) this.say(who, `${what}: ${saidOf(responses)}`);
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  say(who: string, text: string): void {
    this.#lines.push(`${who.padEnd(COLUMN)}${text}`);
  }

  set isLogStuck(isStuck: boolean) {
    this.#rig.lock.rig.isLogStuck = isStuck;
  }

  set(client: string, key: string): void {
    this.say(client, `set ${key}: ${this.#rig.lock.do(attach(key, 'v', this.#leaseOf(client)))}`);
  }

  put(client: string, key: string): void {
    this.say(client, `put ${key}: ${this.#rig.lock.do(put(key, 'v'))}`);
  }

  lock(client: string, name: string, kind: string): void {
    const asked = { kind: kind as LockKind };
    const ticket = acquire(name, numberOf(client), this.#leaseOf(client), asked);
    this.say(client, `lock ${name}: ${this.#rig.lock.do(ticket)}`);
  }

  await(client: string, name: string, patience: number): void {
    const responses = this.#rig.lock.await(name, numberOf(client), patience);
    this.#open.push({ who: client, what: `await ${name}`, responses });
  }

  release(client: string, name: string): void {
    const before = this.#rig.lock.do(release(name, numberOf(client)));
    this.say(client, `release ${name}: before, ${before}`);
  }

  end(client: string): void {
    this.say(client, `end: ${this.#rig.lock.do(endLease(numberOf(client)))}`);
  }

  keep(client: string): void {
    const responses = this.#rig.lock.keep([numberOf(client)]);
    this.#open.push({ who: client, what: 'keep', responses });
  }

  guarded(client: string, lock: { readonly name: string; readonly token: number }, key: string) {
    const reply = this.#rig.lock.do(fence(lock.name, lock.token), put(key, client));
    this.say(client, `guarded ${key}, token ${lock.token}: ${reply}`);
  }

  pass(milliseconds: number): void {
    this.#rig.lock.pass(milliseconds);
  }

  /** The only voter is deposed by a later term, and elected anew. */
  lead(): void {
    const { rig } = this.#rig.lock;
    rig.append([], rig.replica.term + 1);
    while (!rig.replica.isCurrent) rig.tick();
  }

  hold(key: string): void {
    this.#rig.hold(HOLDER, put(key, 'held'));
  }

  free(_key: string): void {
    this.#rig.letGo(HOLDER, { isCommitted: false });
  }

  get keys(): readonly string[] {
    return this.#rig.keys;
  }

  get leases(): readonly string[] {
    return [...this.#rig.lock.machine.coordination.leases.all()].map(({ id, endedAt }) => {
      const name = CLIENTS[(id[0] ?? 0) - 1] ?? '?';
      return endedAt > 0 ? `${name} ended` : name;
    });
  }

  queue(name: string): void {
    const tickets = [...this.#rig.lock.machine.coordination.tickets.all()];
    const here = tickets.filter((ticket) => new TextDecoder().decode(ticket.name) === name);
    const places = here.map(({ id, fence: token }) => {
      const client = CLIENTS[id - 1] ?? '?';
      return token > 0 ? `${client} owns by ${token}` : `${client} waits`;
    });
    this.say('queue', places.join(', ') || 'empty');
  }

  takeEntries(): readonly string[] {
    const { entries } = this.#rig.lock.rig;
    const kinds: string[] = [];
    const { applied } = this.#rig.lock.rig.replica;
    for (let index = this.#seen + 1; index <= applied; index++) {
      const entry = entries.get(index);
      const decoded = entry?.kind === 'command' ? decodeEntry(entry.payload) : undefined;
      if (typeof decoded === 'object') kinds.push(decoded.type);
    }
    this.#seen = applied;
    return kinds;
  }

  #leaseOf(client: string) {
    const number = numberOf(client);
    const isThere = this.leases.includes(client);
    return isThere ? known(number) : lease(number, this.ttl);
  }
}

function numberOf(client: string): number {
  return CLIENTS.indexOf(client) + 1;
}
