/** A process that uses the client library's core. It may die; another one takes its place. */

import type { Random } from '../../src/base/random.ts';
import type { Call, CommitCall, Replied, WriteCall } from '../../src/client/core/call.ts';
import { type CallFailure, isDenial } from '../../src/client/core/call-failure.ts';
import type { KeptLease } from '../../src/client/core/coordination/kept-lease.ts';
import { Core } from '../../src/client/core/core.ts';
import type { ClientEvent } from '../../src/client/core/port.ts';
import type { WatchCall } from '../../src/client/core/streams/watch-call.ts';
import type { Command } from '../../src/machine/command.ts';
import { ClientConnection } from '../../src/transport/client-connection.ts';
import type { Sockets } from '../../src/transport/sockets.ts';
import type { Outcome } from '../checkers/model.ts';
import { SimFailure } from '../sim/failure.ts';
import { ClientClocks } from './client-clocks.ts';
import { watchSockets } from './effects.ts';
import { HeldLoop } from './held-loop.ts';
import { type Surroundings, scheduleOf } from './surroundings.ts';

const TICK_MILLISECONDS = 10;
const CLIENT_BYTES = 16;
export const TIMEOUT_MILLISECONDS = 5000;

/** What a customer knows of a write that has ended, or that its death has cut off. */
export interface WriteRecord {
  readonly customer: number;
  /** The process that sent it, by the id under which the shards know it. */
  readonly client: Uint8Array;
  readonly command: Command;
  readonly invoke: number;
  readonly end: number;
  readonly outcome: Outcome;
  /** Undefined unless the outcome is `ok`. */
  readonly reply: Replied['reply'] | undefined;
}

interface CustomerOptions {
  readonly number: number;
  readonly surroundings: Surroundings;
  readonly urls: readonly string[];
  /** Every write of all customers, as they end. */
  readonly writes: WriteRecord[];
  /** How fast its clock runs: 1 unless it is told. */
  readonly rate?: number;
  /** Says who it is; absent for a cluster without access control. */
  readonly token?: Uint8Array;
  /** Its user may do everything, so it is never refused. */
  readonly isRoot?: boolean;
}

type Timeless<T> = T extends unknown ? Omit<T, 'now'> : never;
type WatchEvent = Timeless<Extract<ClientEvent, { readonly watch: WatchCall }>>;

type Committing = Pick<CommitCall, 'command' | 'ranges' | 'moments' | 'priority'>;
type Settle<T extends Call> = Parameters<T['settle']>[0];
/** A call without the fields that every call of a customer has. */
type Asked<T extends Call> = Omit<T, 'settle' | 'timeoutMilliseconds'>;

const DIED: CallFailure = {
  type: 'failed',
  code: 'closed',
  outcome: 'unknown',
  message: 'the customer died',
  attempts: [],
};

export class Customer {
  /** The timeout of a call. */
  timeoutMilliseconds = TIMEOUT_MILLISECONDS;
  readonly number: number;
  readonly random: Random;
  readonly #options: CustomerOptions;
  readonly #loop: HeldLoop;
  readonly #clocks: ClientClocks;
  #core: Core;
  #client: Uint8Array;
  /** Number of processes that ran here; an answer for an earlier one is ignored. */
  #life = 0;
  #lines = new Map<number, ClientConnection>();
  /** Calls in progress, and how to cancel each. */
  readonly #open = new Set<(failure: CallFailure) => void>();
  readonly #crashListeners = new Set<() => void>();
  #isFlushing = false;
  /** It stops working: others read what it wrote. */
  isStopping = false;
  /** Pieces of work in progress, and those between two. */
  working = 0;
  /**
   * Retries until it is answered: where some nodes are gone for ever while the map still lists
   * them as alive, an answer may take longer than a customer's timeout.
   */
  isPatient = false;
  /** The message of the last call that failed, for the report of a run that stands still. */
  lastFailure = '';

  constructor(options: CustomerOptions) {
    this.#options = options;
    this.number = options.number;
    this.random = options.surroundings.random.fork(`customer ${options.number}`);
    this.#client = this.#drawClient();
    const { agenda } = options.surroundings;
    this.#loop = new HeldLoop(agenda, (work) => work());
    this.#clocks = new ClientClocks(agenda, options.rate ?? 1);
    this.#core = this.#begin();
  }

  /** The time of the world. */
  get now(): number {
    return this.#options.surroundings.agenda.now;
  }

  /** Nothing runs in its process: its loop is blocked, or its machine sleeps. */
  get isHeld(): boolean {
    return this.#loop.isHeld;
  }

  /** Its event loop is blocked for so long. */
  hold(milliseconds: number): void {
    this.#loop.hold(milliseconds);
  }

  /** It is held no longer. */
  resume(): void {
    this.#clocks.wake();
    this.#loop.resume();
  }

  /** Its machine sleeps: the monotone clock stands still, the wall clock goes on. */
  suspend(milliseconds: number): void {
    if (this.isHeld) return;
    this.#clocks.suspend(milliseconds);
    this.#loop.hold(milliseconds);
  }

  /** The wall clock is set: forward, or back. */
  setWall(milliseconds: number): void {
    this.#clocks.setWall(milliseconds);
  }

  /** Calls that have not ended. */
  get waiting(): number {
    return this.#open.size;
  }

  /** Its own work: while it is held, it waits. */
  after(milliseconds: number, run: () => void): void {
    const { agenda } = this.#options.surroundings;
    agenda.after(milliseconds, () => this.#loop.whenFree(run));
  }

  hit(probe: string): void {
    this.#options.surroundings.probes.hit(probe);
  }

  write(
    command: Command,
    done: (record: WriteRecord) => void,
    terms: Pick<WriteCall, 'leases' | 'guards'> = {},
  ): void {
    const record = this.#recorder(command, done);
    this.call<WriteCall>({ type: 'write', command, ...terms }, record);
  }

  /** The end of a transaction; one that yielded may retry, with the same priority. */
  commit(asked: Committing, done: (record: WriteRecord) => void): void {
    const record = this.#recorder(asked.command, done);
    this.call<CommitCall>({ type: 'commit', ...asked }, record);
  }

  /** Ends once: by the core, or because this process dies. */
  call<T extends Call>(
    asked: Asked<T>,
    done: (result: Settle<T>) => void,
    timeoutMilliseconds = this.timeoutMilliseconds,
  ): void {
    let isOver = false;
    const settle = (result: Settle<T>) => {
      if (isOver) return;
      isOver = true;
      this.#open.delete(settle as (failure: CallFailure) => void);
      if (result.type === 'failed') this.#note(result);
      if (this.isPatient && result.type === 'failed') {
        return this.call<T>(asked, done, timeoutMilliseconds);
      }
      done(result);
    };
    this.#open.add(settle as (failure: CallFailure) => void);
    const call = {
      ...asked,
      timeoutMilliseconds,
      settle,
    } as unknown as Call;
    this.#step({ type: 'call', call, now: this.#clocks.now });
    this.#flushSoon();
  }

  #note({ code, message }: CallFailure): void {
    this.lastFailure = message;
    if (!isDenial({ code }) || this.#options.isRoot !== true) return;
    throw new SimFailure('access', `root was refused: ${message}`, { time: this.now });
  }

  /** Keeps it alive from its first use on. */
  lease(lease: KeptLease): void {
    this.#step({ type: 'lease', lease });
  }

  /** What concerns a watch of this process. */
  watch(event: WatchEvent): void {
    this.#step({ ...event, now: this.#clocks.now } as ClientEvent);
    this.#flushSoon();
  }

  /** What can have been lost by now is told. */
  observe(): void {
    const { now, wall } = this.#clocks;
    this.#core.step({ type: 'wall', wall, now });
  }

  /** The present process; another one after each crash. */
  get life(): number {
    return this.#life;
  }

  /** The last moment at which its process can have done something. */
  get ranUntil(): number {
    return this.#loop.heldFrom ?? this.now;
  }

  /** Called when the present process dies. */
  onCrash(tell: () => void): void {
    this.#crashListeners.add(tell);
  }

  /** Another process takes its place, without any of its memory. */
  crash(): void {
    const told = [...this.#crashListeners];
    this.#crashListeners.clear();
    for (const tell of told) tell();
    this.#options.surroundings.network.crash(this.url);
    this.#clocks.wake();
    this.#loop.begin();
    this.#client = this.#drawClient();
    this.#lines = new Map();
    this.#core = this.#begin();
    for (const settle of [...this.#open]) settle(DIED);
  }

  #recorder(command: Command, done: (record: WriteRecord) => void) {
    const { number, now: invoke } = this;
    const client = this.#client;
    return (result: Settle<WriteCall> | Settle<CommitCall>) => {
      const reply = result.type === 'replied' ? result.reply : undefined;
      const outcome = result.type === 'failed' ? outcomeOf(result) : reply ? 'ok' : 'failed';
      if (result.type === 'failed') this.hit(`call ${result.code}`);
      else if (result.type === 'gave-way') this.hit('gave way');
      const record = { customer: number, client, command, invoke, end: this.now, outcome, reply };
      this.#options.writes.push(record);
      done(record);
    };
  }

  /** As the network knows it. */
  get url(): string {
    return `customer-${this.number}`;
  }

  #drawClient(): Uint8Array {
    return Uint8Array.from({ length: CLIENT_BYTES }, () => this.random.below(256));
  }

  #begin(): Core {
    this.#life += 1;
    this.#isFlushing = false;
    const { urls } = this.#options;
    const lines = this.#lines;
    this.#tick(this.#life);
    return new Core({
      port: {
        dial: (connection, url) => lines.set(connection, this.#dial(connection, url)),
        hangUp: (connection) => {
          lines.get(connection)?.close();
          lines.delete(connection);
        },
        send: (connection, bytes) => {
          lines.get(connection)?.send(bytes);
        },
      },
      urls,
      client: this.#client,
      random: this.random.fork(`core ${this.#life}`),
      balance: 'round-robin',
      now: this.#clocks.now,
    });
  }

  #dial(connection: number, url: string): ClientConnection {
    const { agenda } = this.#options.surroundings;
    const life = this.#life;
    const isAlive = () => this.#life === life;
    return new ClientConnection({
      sockets: this.#sockets(),
      schedule: scheduleOf({ agenda, isAlive, due: (run) => this.#loop.due(run) }),
      url,
      cluster: '',
      token: this.#options.token,
      features: [],
      onEvent: (event) => {
        if (!isAlive()) return;
        const { now } = this.#clocks;
        if (event.type === 'frame') {
          this.#step({ type: 'frame', connection, bytes: event.bytes, now });
        } else if (event.type === 'up') {
          const { cluster, node, limits } = event.hello;
          this.#step({ type: 'up', connection, greeting: { cluster, node, limits }, now });
        } else {
          this.#lines.delete(connection);
          this.#step({ type: 'down', connection, reason: event.reason, now });
        }
        this.#flushSoon();
      },
    });
  }

  #sockets(): Sockets {
    const { network } = this.#options.surroundings;
    const host = network.host(this.url, { isHeld: () => this.isHeld });
    return watchSockets(host, { onEffect: () => {}, guard: (work) => this.#loop.arrive(work) });
  }

  /** As the library does: what can have ended is known before anything else happens. */
  #step(event: ClientEvent): void {
    this.observe();
    this.#core.step(event);
  }

  #flushSoon(): void {
    if (this.#isFlushing) return;
    this.#isFlushing = true;
    const life = this.#life;
    this.#options.surroundings.agenda.after(0.01, () => {
      if (this.#life === life) this.#loop.due(this.#flush);
    });
  }

  readonly #flush = () => {
    this.#isFlushing = false;
    this.#step({ type: 'flush', now: this.#clocks.now });
  };

  readonly #beat = () => {
    if (!this.#core.isBusy) return;
    this.#step({ type: 'tick', now: this.#clocks.now });
    this.#flushSoon();
  };

  #tick(life: number): void {
    const { agenda } = this.#options.surroundings;
    agenda.after(TICK_MILLISECONDS, () => {
      if (this.#life !== life) return;
      this.#loop.due(this.#beat);
      this.#tick(life);
    });
  }
}

export function outcomeOf({ outcome }: CallFailure): Outcome {
  return outcome === 'notApplied' ? 'failed' : 'unknown';
}

/** How far two clocks may drift apart unobserved; see `NodeClock`. */
export const CLOCK = { slowest: 0.9, fastest: 1.1 } as const;

const utf8 = new TextEncoder();
const text = new TextDecoder();

export function bytesOf(value: string): Uint8Array {
  return utf8.encode(value);
}

export function textOf(bytes: Uint8Array): string {
  return text.decode(bytes);
}
