/**
 * Requests to keep leases alive, at the leader of their shard. The leases of all requests gather in
 * a set, which leaves as deferred entries: so a lease costs its shard one name in an entry,
 * however many clients and requests there are.
 *
 * One set is in flight at a time: on a slow disk the next one grows, and the log does not.
 *
 * A live lease is gathered whatever else waits, and is never refused: there are no more of them
 * than the shard may have. Only what brings nothing new, such as leases that are unknown or
 * gathered already, counts against the share of its requester.
 *
 * A request is answered when the entries of its set are applied, by what they found: a leader that
 * commits nothing says of no lease that it has ended, because it may not know the lease yet.
 */

import { compareBytes, nameOf } from '../base/bytes.ts';
import { COORDINATION_LIMITS } from '../base/coordination-limits.ts';
import { decodeLeaseIds } from '../machine/lease.ts';
import type { Leases } from '../machine/leases.ts';
import type { Failure, Response } from '../wire/response.ts';
import { FairQuota } from './fair-quota.ts';
import { SHARD_LIMITS } from './limits.ts';
import type { Requester } from './proposals.ts';

export interface KeepRequest {
  readonly requester: Requester;
  readonly leases: readonly Uint8Array[];
}

/** An entry to be proposed. */
interface KeepEntry {
  /** In order. */
  readonly leases: readonly Uint8Array[];
  /** Gets its response; after `overloaded` the entry is taken again. */
  readonly requester: Requester;
}

interface Kept {
  readonly requester: Requester;
  readonly leases: readonly Uint8Array[];
  readonly cost: number;
}

type LeasesOfShard = Pick<Leases, 'of'>;

/** What one flight of entries keeps alive, and for which requests. */
class KeepSet {
  readonly leases = new Map<string, Uint8Array>();
  readonly requests: Kept[] = [];
}

export class Keeps {
  readonly #fail: (requester: Requester, failure: Failure) => void;
  readonly #portions = new FairQuota({ max: SHARD_LIMITS.keepsMax });
  #gathered = new KeepSet();
  #flight: Flight | undefined;
  #isDue = false;

  constructor({ fail }: { readonly fail: (requester: Requester, failure: Failure) => void }) {
    this.#fail = fail;
  }

  /** Unanswered requests. */
  get size(): number {
    return this.#gathered.requests.length + (this.#flight?.set.requests.length ?? 0);
  }

  /** There is an entry to propose now. */
  get isReady(): boolean {
    if (this.#flight !== undefined) return this.#flight.hasWaiting;
    return this.#isDue;
  }

  /** A keep of the lease waits or is in the log: it need not be examined whether it is due. */
  isKept(lease: Uint8Array): boolean {
    const name = nameOf(lease);
    return this.#gathered.leases.has(name) || this.#flight?.set.leases.has(name) === true;
  }

  add({ requester, leases }: KeepRequest, ofShard: LeasesOfShard): void {
    if (leases.length === 0) return this.#fail(requester, 'malformed');
    const { share } = requester.responder;
    const set = this.#gathered;
    const others: Uint8Array[] = [];
    for (const id of leases) {
      const name = nameOf(id);
      const lease = ofShard.of(id);
      if (lease?.endedAt === 0 && !set.leases.has(name)) set.leases.set(name, lease.id);
      else others.push(id);
    }
    const cost = others.length + 1;
    // What is alive is kept alive all the same.
    if (!this.#portions.admits(share, cost)) return this.#fail(requester, 'overloaded');
    this.#portions.add(share, cost);
    for (const id of others) {
      const name = nameOf(id);
      if (!set.leases.has(name)) set.leases.set(name, id.slice());
    }
    // The arrays of the set, because those of the request belong to a whole frame.
    const own = leases.map((id) => set.leases.get(nameOf(id)) ?? id);
    set.requests.push({ requester, leases: own, cost });
  }

  /** What has gathered may leave. */
  release(): void {
    this.#isDue = this.#gathered.leases.size > 0;
  }

  /** The entries that are to be proposed now. */
  take(): readonly KeepEntry[] {
    if (!this.isReady) return [];
    this.#flight ??= this.#begin();
    return this.#flight.takeWaiting();
  }

  /** Leadership is lost, or the replica ends. */
  failAll(failure: Failure): void {
    const sets = [this.#flight?.set, this.#gathered];
    this.#flight?.end();
    this.#flight = undefined;
    this.#gathered = new KeepSet();
    this.#isDue = false;
    for (const set of sets) this.#failSet(set, failure);
  }

  #begin(): Flight {
    const set = this.#gathered;
    this.#gathered = new KeepSet();
    this.#isDue = false;
    return new Flight(set, {
      onApplied: (ended, time) => this.#answer(set, ended, time),
      onFailed: (failure) => {
        this.#flight = undefined;
        this.#failSet(set, failure);
      },
    });
  }

  #answer(set: KeepSet, ended: ReadonlySet<string>, time: number): void {
    this.#flight = undefined;
    for (const { requester, leases, cost } of set.requests) {
      const { responder, id } = requester;
      this.#portions.remove(responder.share, cost);
      const lost = ended.size === 0 ? [] : leases.filter((lease) => ended.has(nameOf(lease)));
      responder.respond({ type: 'kept', id, time, ended: lost });
    }
  }

  #failSet(set: KeepSet | undefined, failure: Failure): void {
    for (const { requester, cost } of set?.requests ?? []) {
      this.#portions.remove(requester.responder.share, cost);
      this.#fail(requester, failure);
    }
  }
}

interface FlightEnd {
  readonly onApplied: (ended: ReadonlySet<string>, time: number) => void;
  readonly onFailed: (failure: Failure) => void;
}

/** The entries of one set, from the first proposal to the last answer. */
class Flight {
  readonly set: KeepSet;
  readonly #end: FlightEnd;
  #waiting: (readonly Uint8Array[])[] = [];
  #unanswered: number;
  readonly #ended = new Set<string>();
  #isOver = false;

  constructor(set: KeepSet, end: FlightEnd) {
    this.set = set;
    this.#end = end;
    const { keptLeasesMax } = COORDINATION_LIMITS;
    const leases = [...set.leases.values()].sort(compareBytes);
    for (let at = 0; at < leases.length; at += keptLeasesMax) {
      this.#waiting.push(leases.slice(at, at + keptLeasesMax));
    }
    this.#unanswered = this.#waiting.length;
  }

  get hasWaiting(): boolean {
    return this.#waiting.length > 0;
  }

  takeWaiting(): readonly KeepEntry[] {
    return this.#waiting.splice(0).map((leases) => {
      const respond = (response: Response) => this.#answered(leases, response);
      return { leases, requester: { responder: { respond }, id: 0 } };
    });
  }

  /** Its entries are not waited for any more. */
  end(): void {
    this.#isOver = true;
  }

  #answered(leases: readonly Uint8Array[], response: Response): void {
    if (this.#isOver) return;
    if (response.type === 'written') return this.#applied(response.replies[0], response.time);
    const failure = response.type === 'failed' ? response.failure : 'lost';
    if (failure === 'overloaded') {
      this.#waiting.push(leases);
      return;
    }
    this.#isOver = true;
    this.#end.onFailed(failure);
  }

  #applied(reply: Uint8Array | undefined, time: number): void {
    for (const id of (reply && decodeLeaseIds(reply)) ?? []) this.#ended.add(nameOf(id));
    this.#unanswered -= 1;
    if (this.#unanswered > 0) return;
    this.#isOver = true;
    this.#end.onApplied(this.#ended, time);
  }
}
