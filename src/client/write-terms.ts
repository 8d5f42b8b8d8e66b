/** What options of writes say of leases and fences, as the core takes it. */

import type { SetValue } from '../machine/command.ts';
import type { Guard, WriteCall } from './core/call.ts';
import type { KeptLease } from './core/coordination/kept-lease.ts';
import type { Engine } from './engine.ts';
import { type FenceSource, guardOf } from './fence.ts';
import { keptLeaseOf } from './held-lease.ts';
import { invalid, lifeOf } from './options.ts';
import type { LifeOptions } from './write-options.ts';

/** The leases and guards of one command, collected from its operations. */
export class WriteTerms {
  readonly #engine: Engine;
  readonly #leases = new Set<KeptLease>();
  readonly #guards: Guard[] = [];

  constructor(engine: Engine) {
    this.#engine = engine;
  }

  guard(source: FenceSource): void {
    this.#guards.push(guardOf(source, this.#engine));
  }

  /** The fields of an operation that sets a key. The core knows in which shards a lease is open. */
  lifeOf({ ttl, lease }: LifeOptions): Pick<SetValue, 'lifeMilliseconds' | 'lease'> {
    if (lease === undefined) return { lifeMilliseconds: lifeOf(ttl) };
    if (ttl !== undefined) throw invalid('a key has a ttl or a lease, not both');
    const kept = keptLeaseOf(lease, this.#engine);
    this.#leases.add(kept);
    return { lifeMilliseconds: 0, lease: { id: kept.id, opening: undefined } };
  }

  /** The fields of the call. */
  get fields(): Pick<WriteCall, 'leases' | 'guards'> {
    const leases = this.#leases.size === 0 ? {} : { leases: [...this.#leases] };
    return this.#guards.length === 0 ? leases : { ...leases, guards: [...this.#guards] };
  }
}
