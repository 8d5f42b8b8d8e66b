/** Calls that wait for the first map of the cluster. */

import type { Call } from './call.ts';
import { type CallFailure, notApplied } from './call-failure.ts';
import type { Connections } from './connections.ts';
import type { MapSource } from './map-source.ts';
import type { OpenCalls } from './open-calls.ts';
import { isOverLimit, WRONG_CLUSTER } from './port.ts';

interface EarlyCallsOptions {
  readonly urls: readonly string[];
  readonly openCalls: OpenCalls;
  readonly connections: Connections;
  readonly mapSource: MapSource;
}

export class EarlyCalls {
  readonly #options: EarlyCallsOptions;
  /** And when they expire. */
  #calls = new Map<Call, number>();

  constructor(options: EarlyCallsOptions) {
    this.#options = options;
  }

  add(call: Call, expiresAt: number): void {
    this.#calls.set(call, expiresAt);
  }

  has(call: Call): boolean {
    return this.#calls.has(call);
  }

  /** There is a map: they wait no longer. */
  take(): ReadonlyMap<Call, number> {
    const calls = this.#calls;
    if (calls.size > 0) this.#calls = new Map();
    return calls;
  }

  fail(call: Call, failure: CallFailure): void {
    if (this.#calls.delete(call)) this.#options.openCalls.settle(call, failure);
  }

  failAll(failure: CallFailure): void {
    for (const call of this.#calls.keys()) this.fail(call, failure);
  }

  expire(now: number): void {
    const expired = [...this.#calls].filter(([, expiresAt]) => expiresAt <= now);
    if (expired.length === 0) return;
    const { wasUp } = this.#options.connections;
    const what = wasUp ? 'no node sent the map of its cluster' : 'the cluster was not reached';
    const failure = this.#failureOf(`${what} in time`, wasUp ? 'timeout' : 'unreachable');
    for (const [call] of expired) this.fail(call, failure);
  }

  /** An outage has become too long. `connect` has an option of its own for that. */
  giveUp(message: string): void {
    const failure = notApplied('unreachable', message, this.#options.mapSource.attempts.all);
    for (const call of this.#calls.keys()) if (call.type !== 'ready') this.fail(call, failure);
  }

  /** Waiting is useless if every url leads to another cluster; a `ready` may not wait otherwise. */
  refuse(cluster: string): void {
    if (this.#calls.size === 0) return;
    const { urls, connections, mapSource } = this.#options;
    if (urls.every((url) => connections.troubleAt(url) === WRONG_CLUSTER)) {
      const message = `no url leads to cluster ${cluster}: nodes of another cluster answer`;
      this.failAll(notApplied('wrong-cluster', message, mapSource.attempts.all));
    } else if (connections.areAllDown(urls)) {
      const failure = this.#failureOf('no node can be reached at any url', 'unreachable');
      for (const call of this.#calls.keys()) {
        if (call.type === 'ready' && call.failsFast) this.fail(call, failure);
      }
    }
  }

  #failureOf(what: string, code: 'timeout' | 'unreachable'): CallFailure {
    const { all, last } = this.#options.mapSource.attempts;
    const { endpoint = 'the cluster', what: why = 'no answer' } = last ?? {};
    if (isOverLimit(why))
      return notApplied('limit-exceeded', `${endpoint} refused it: ${why}`, all);
    const isForeign = all.some((attempt) => attempt.what === WRONG_CLUSTER);
    const message = `${what}; last error from ${endpoint}: ${why}`;
    return notApplied(isForeign ? 'wrong-cluster' : code, message, all);
  }
}
