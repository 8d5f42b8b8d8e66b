/** The engine: gives the core turns, time and connections, and turns calls into promises. */

import { KvError } from '../base/errors.ts';
import { Random } from '../base/random.ts';
import { callSiteAbove, locate } from './call-site.ts';
import type { Balance } from './core/balance.ts';
import type { Call } from './core/call.ts';
import type { CallFailure } from './core/call-failure.ts';
import type { KeptLease } from './core/coordination/kept-lease.ts';
import { LEASE_KEEPING } from './core/coordination/limits.ts';
import type { EndLeaseCall } from './core/coordination/ticket-call.ts';
import { Core } from './core/core.ts';
import type { CloseReason } from './core/port.ts';
import type { Scan } from './core/scan.ts';
import type { SyncCall, WatchCall } from './core/streams/watch-call.ts';
import type { Consumed } from './core/streams/watch-queue.ts';
import type { ConnectionListener, DialedConnection, Surroundings } from './dial.ts';
import { CLIENT_LIMITS } from './limits.ts';
import { type ClientStats, Observation } from './observation.ts';
import { CLIENT_TIMERS, type ClientSchedule, type Ticks } from './schedule.ts';
import { onAbort } from './signals.ts';

interface EngineOptions {
  readonly surroundings: Surroundings;
  readonly urls: readonly string[];
  /** How messages name a url. */
  readonly nameOf: (url: string) => string;
  /** The id of the cluster; empty for that of the first node that answers. */
  readonly cluster: string;
  /** Asked for each dial; never throws. */
  readonly token: () => Uint8Array | undefined;
  readonly balance: Balance;
  readonly failFastMilliseconds: number | undefined;
  /** The stack of each error has the line of the call. */
  readonly isDebugging: boolean;
}

/** A call without its end. */
export type Question<C extends Call> = Omit<C, 'settle'>;
export type ResultOf<C extends Call> = Exclude<Parameters<C['settle']>[0], CallFailure>;

/**
 * The calls of a turn are sent with one flush, by `setImmediate`: it runs after all that this turn
 * has read and after its microtasks, so a hundred answers that cause a hundred new calls make one
 * frame. A microtask would run between the first of them and the second.
 */
export class Engine {
  /** A monotone clock in milliseconds. */
  readonly now: () => number;
  readonly schedule: ClientSchedule;
  /** For backoffs: two transactions that met do not meet again. */
  readonly random: Random;
  readonly secureBytes: (length: number) => Uint8Array;
  readonly #wallNow: (() => number) | undefined;
  readonly #core: Core;
  readonly #observation = new Observation();
  readonly #connections = new Map<number, DialedConnection>();
  readonly #ticker: Ticks;
  /** While only leases and watches are open. A process that owns a lock costs next to nothing. */
  readonly #calmTicker: Ticks;
  readonly #isDebugging: boolean;
  #behindStep: (() => void)[] = [];
  #isFlushing = false;
  #isFast = false;
  /** While leases are ended and nothing new begins. */
  #closing: { readonly began: number; readonly giveUp: AbortController } | undefined;
  #isClosed = false;

  constructor(options: EngineOptions) {
    const { surroundings, urls, nameOf, cluster, balance } = options;
    this.#isDebugging = options.isDebugging;
    const { dial, now, wallNow, secureBytes, ended } = surroundings;
    this.now = now;
    this.secureBytes = secureBytes;
    this.#wallNow = wallNow;
    this.schedule = surroundings.schedule ?? CLIENT_TIMERS;
    const ticksEach = (milliseconds: number) => {
      const [onTick, onDue] = [() => this.#tick(), () => this.observe()];
      return this.schedule.ticks({ milliseconds, onTick, onDue, now });
    };
    this.#ticker = ticksEach(CLIENT_LIMITS.tickMilliseconds);
    this.#calmTicker = ticksEach(CLIENT_LIMITS.calmTickMilliseconds);
    const random = new Random(new DataView(secureBytes(4).buffer).getUint32(0));
    this.random = random.fork('rests');
    this.#core = new Core({
      port: {
        dial: (connection, url, named) => {
          const listener = this.#listenerOf(connection);
          this.#observation.dial(connection, nameOf(url));
          this.#connections.set(connection, dial(url, listener, named, options.token()));
        },
        hangUp: (connection) => {
          this.#connections.get(connection)?.close();
          this.#connections.delete(connection);
          this.#observation.fall(connection, 'the client ended it');
        },
        send: (connection, bytes) => {
          if (this.#connections.get(connection)?.send(bytes) === false) this.#cut(connection);
        },
        leaseChanged: (lease) => this.#observation.lease(lease),
        retried: (shard, { endpoint, what }) => this.#observation.retry({ shard, endpoint, what }),
        watched: (notice) => this.#observation.watch(notice),
      },
      urls,
      nameOf,
      cluster,
      client: secureBytes(16),
      random,
      balance,
      failFastMilliseconds: options.failFastMilliseconds,
      now: now(),
    });
    ended?.then((reason) => this.#close({ code: 'store-failed', message: reason }), ignore);
  }

  /**
   * Makes a call, and turns its result into what the caller is given. What `question` and `answer`
   * throw rejects the promise. A rejected promise that the caller ignores does not end the process.
   */
  ask<C extends Call, T>(
    question: () => Question<C>,
    answer: (result: ResultOf<C>) => T,
    signal?: AbortSignal,
  ): Promise<T> {
    const site = this.#isDebugging ? callSiteAbove(this.ask) : undefined;
    const promise = new Promise<T>((resolve, reject) => {
      const asked = question();
      const { now } = this;
      const began = now();
      let forget: (() => void) | undefined;
      this.#observation.beginCall();
      const settle = (result: ResultOf<C> | CallFailure): void => {
        forget?.();
        const failure = result.type === 'failed' ? (result as CallFailure) : undefined;
        this.#observation.endCall(asked.type, { began, now }, failure);
        if (failure !== undefined) return reject(locate(errorOf(failure, signal), site, 'whole'));
        try {
          resolve(answer(result as ResultOf<C>));
        } catch (error) {
          reject(error);
        }
      };
      const call = { ...asked, settle } as unknown as C;
      const isAborted = signal?.aborted === true;
      const isEnding = ENDING.includes(asked.type);
      if (isAborted && !isEnding) return settle(ABORTED);
      if (this.#closing !== undefined && !isEnding) return settle(CLOSED);
      const abort = () => {
        this.#core.step({ type: 'abort', call });
        this.#wake();
      };
      if (signal !== undefined && !isAborted) forget = onAbort(signal, abort);
      if (LEASED.includes(asked.type)) this.observe();
      this.#core.step({ type: 'call', call, now: began });
      this.#wake();
      // What ends something has been begun all the same: only its caller does not wait.
      if (isAborted) abort();
    });
    promise.catch(ignore);
    return promise;
  }

  /** Runs it behind the present step of the core, together with others. */
  afterStep(run: () => void): void {
    if (this.#behindStep.push(run) > 1) return;
    void SETTLED.then(() => {
      const all = this.#behindStep;
      this.#behindStep = [];
      for (const each of all) each();
    });
  }

  /** The facts come later, never from inside of this call. */
  openWatch(watch: WatchCall): void {
    this.#core.step({ type: 'watch', watch, now: this.now() });
    this.#wake();
  }

  /** Its consumer has taken changes of one shard. */
  takeWatched(watch: WatchCall, { place, bytes }: Consumed): void {
    this.#core.step({ type: 'watch-took', watch, place, bytes, now: this.now() });
    this.#wake();
  }

  syncWatch(watch: WatchCall, sync: SyncCall): void {
    this.#core.step({ type: 'watch-sync', watch, sync, now: this.now() });
    this.#wake();
  }

  /** Nothing is delivered to it any more. */
  endWatch(watch: WatchCall): void {
    this.#core.step({ type: 'watch-end', watch });
    this.#wake();
  }

  /** How long ago each shard of the watch was proven fresh; undefined if each one is. */
  staleMilliseconds(watch: WatchCall): number | undefined {
    const now = this.now();
    const since = this.#core.staleSince(watch, now);
    return since === undefined ? undefined : now - since;
  }

  /** For what is no single call: where it was made, if that is wanted. */
  callSiteAbove(callee: Parameters<typeof callSiteAbove>[0]): ReturnType<typeof callSiteAbove> {
    return this.#isDebugging ? callSiteAbove(callee) : undefined;
  }

  /** The id of the cluster. */
  get cluster(): string {
    return this.#core.cluster;
  }

  /** It is kept alive from its first use on. A failure if there are too many. */
  keep(lease: KeptLease): void {
    const { leases } = this.#core.held;
    const { leasesMax } = LEASE_KEEPING;
    if (leases >= leasesMax) {
      const message = `the client has ${leases} leases; the limit is ${leasesMax} (leasesMax)`;
      throw new KvError({ code: 'leases-full', outcome: 'notApplied', message });
    }
    if (this.#closing !== undefined || this.#isClosed) throw errorOf(CLOSED, undefined);
    this.#core.step({ type: 'lease', lease });
  }

  /** Before anything that depends on whether a lease is held now. */
  observe(): void {
    if (this.#isClosed || !this.#core.hasLeases) return;
    const now = this.now();
    const wall = this.#wallNow?.() ?? now;
    this.#core.step({ type: 'wall', now, wall });
  }

  /** Ends all leases, with their keys and locks, if that does not take long. */
  async endLeases(): Promise<void> {
    if (this.#isClosed) return;
    this.#closing ??= { began: this.now(), giveUp: new AbortController() };
    if (!this.#core.leavesLeases) return;
    const timeoutMilliseconds = LEASE_KEEPING.closeMillisecondsMax;
    const question = { type: 'end-lease', lease: undefined, timeoutMilliseconds } as const;
    const { signal } = this.#closing.giveUp;
    await this.ask<EndLeaseCall, void>(() => question, ignore, signal).catch(ignore);
  }

  get stats(): ClientStats {
    return this.#observation.statsWith(this.#core.held);
  }

  endScan(scan: Scan): void {
    this.#core.step({ type: 'end-scan', scan });
  }

  /** Safe to call twice. */
  close(): void {
    this.#close({ code: 'closed', message: 'the client was closed' });
  }

  #close(why: CloseReason): void {
    this.#isClosed = true;
    this.#core.step({ type: 'close', why });
    this.#ticker.stop();
    this.#calmTicker.stop();
  }

  #listenerOf(connection: number): ConnectionListener {
    return {
      onUp: (greeting) => {
        this.#arrived();
        this.#observation.rise(connection);
        this.#core.step({ type: 'up', connection, greeting, now: this.now() });
        this.#wake();
      },
      onFrame: (bytes) => {
        this.#arrived();
        this.observe();
        this.#core.step({ type: 'frame', connection, bytes, now: this.now() });
        this.#wake();
      },
      onDown: (reason) => this.#lose(connection, reason),
    };
  }

  /** The core is in a flush: the event comes later. */
  #cut(connection: number): void {
    this.schedule.soon(() => {
      this.#connections.get(connection)?.close();
      this.#lose(connection, 'it does not read what it is sent');
    });
  }

  #lose(connection: number, reason: string): void {
    this.#arrived();
    this.#connections.delete(connection);
    this.#observation.fall(connection, reason);
    this.#core.step({ type: 'down', connection, reason, now: this.now() });
    this.#wake();
  }

  #wake(): void {
    if (this.#isFlushing || this.#isClosed) return;
    this.#isFlushing = true;
    this.schedule.soon(() => {
      this.#isFlushing = false;
      this.observe();
      this.#core.step({ type: 'flush', now: this.now() });
      this.#startTicks();
    });
  }

  #arrived(): void {
    this.#ticker.arrived();
    this.#calmTicker.arrived();
  }

  /** Fast ticks begin at once; they give way to calm ones with a tick of their own. */
  #startTicks(): void {
    const { isBusy, isCalm } = this.#core;
    if (!isBusy) return;
    if (isCalm && !this.#isFast) return this.#calmTicker.start();
    this.#isFast = true;
    this.#calmTicker.stop();
    this.#ticker.start();
  }

  #tick(): void {
    this.observe();
    const now = this.now();
    this.#core.step({ type: 'tick', now });
    const { began = now, giveUp } = this.#closing ?? {};
    const isOver = now - began >= LEASE_KEEPING.closeMillisecondsCutOff;
    if (isOver && this.#core.isCutOff) giveUp?.abort();
    const { isBusy, isCalm } = this.#core;
    if (isBusy && !isCalm) return this.#startTicks();
    this.#isFast = false;
    this.#ticker.stop();
    if (isBusy) this.#calmTicker.start();
    else this.#calmTicker.stop();
  }
}

/** A microtask by it costs a quarter of one by `queueMicrotask`, which makes a resource of it. */
const SETTLED = Promise.resolve();

const ABORTED: CallFailure = {
  type: 'failed',
  code: 'aborted',
  outcome: 'notApplied',
  message: 'the signal was aborted before the call',
  attempts: [],
};

export function errorOf(failure: CallFailure, signal: AbortSignal | undefined): KvError {
  const { code, outcome, message, attempts } = failure;
  const cause = code === 'aborted' ? signal?.reason : undefined;
  return new KvError({ code, outcome, message, attempts, cause });
}

const CLOSED: CallFailure = {
  type: 'failed',
  code: 'closed',
  outcome: 'notApplied',
  message: 'the client was closed',
  attempts: [],
};

/** Calls that may be refused because a lease is not held. */
const LEASED: readonly Call['type'][] = ['write', 'commit', 'lock'];

/** Calls that end something, also while the client is being closed. */
const ENDING: readonly Call['type'][] = ['unlock', 'end-lease'];

function ignore(): void {}
