/**
 * The witness: it observes every replica and records what it applies.
 *
 * All replicas of a shard have to apply the same entries in the same order and to answer the same;
 * the record is the history that all other checks refer to.
 */

import { isDeepStrictEqual } from 'node:util';
import type { ShardId } from '../../src/base/ids.ts';
import type { Changes } from '../../src/machine/key-change.ts';
import { idText } from '../../src/machine/transaction-id.ts';
import type { NodeCore } from '../../src/node/node-core.ts';
import type { Replica } from '../../src/shard/replica.ts';
import { SimFailure } from '../sim/failure.ts';

export interface Witnessed {
  readonly term: number;
  /** Undefined for an entry without a command. */
  readonly payload: Uint8Array | undefined;
  readonly configuration: unknown;
  readonly replies: readonly Uint8Array[];
  /** What its replicas tell of changed keys: see `toldChanges`. Undefined for a log by hand. */
  readonly changes?: readonly string[] | 'unrecorded' | undefined;
  /** When the first replica applied it: before that no client can have seen it. */
  readonly at: number;
}

interface Heard {
  readonly payload: Uint8Array;
  readonly replies: readonly Uint8Array[];
  readonly changes: Witnessed['changes'];
}

export class Witness {
  readonly #now: () => number;
  /** By shard; the entry that was applied at index 1 comes first. */
  readonly #shards = new Map<ShardId, Witnessed[]>();

  constructor(now: () => number) {
    this.#now = now;
  }

  get shards(): readonly ShardId[] {
    return [...this.#shards.keys()].sort((one, other) => one - other);
  }

  /** From index 1 on, without a gap. */
  entries(shard: ShardId): readonly Witnessed[] {
    return this.#shards.get(shard) ?? [];
  }

  at(shard: ShardId, index: number): Witnessed | undefined {
    return this.#shards.get(shard)?.[index - 1];
  }

  /**
   * Observes a node whose process has just begun. Returns what finds the new machines of its
   * replicas: called before every turn, and where replicas are opened within one.
   */
  watch(core: NodeCore): () => void {
    const { store } = core.state;
    const heard = new Map<ShardId, Heard>();
    const apply = store.apply.bind(store);
    store.apply = (shard, entry) => {
      const { position, configuration } = entry;
      const { payload, replies, changes } = heard.get(shard) ?? NOTHING;
      heard.delete(shard);
      const { term, index } = position;
      const about = { term, payload, configuration, replies, changes };
      this.write(shard, index, { ...about, at: this.#now() });
      apply(shard, entry);
    };
    const watched = new WeakSet<Replica['machine']>();
    const watchReplica = ({ machine, shard, isCorrupt }: Replica) => {
      if (isCorrupt || watched.has(machine)) return;
      watched.add(machine);
      const step = machine.apply.bind(machine);
      machine.apply = (command) => {
        const verdict = step(command);
        if (verdict !== 'unknown') {
          const { payload } = command;
          const changes = toldChanges(verdict.changes);
          heard.set(shard, { payload, replies: verdict.replies, changes });
        }
        return verdict;
      };
    };
    return () => {
      for (const replica of core.state.replicas.all) watchReplica(replica);
    };
  }

  write(shard: ShardId, index: number, entry: Witnessed): void {
    const entries = this.#shards.get(shard) ?? [];
    this.#shards.set(shard, entries);
    const known = entries[index - 1];
    if (known === undefined) {
      if (index !== entries.length + 1) this.#fail(shard, `entry ${index} skips some`);
      entries.push({ ...entry, payload: entry.payload?.slice() });
      return;
    }
    if (known.term !== entry.term || !isSame(known.payload, entry.payload)) {
      this.#fail(shard, `entry ${index} is another one than it was elsewhere`);
    }
    if (!isDeepStrictEqual(known.configuration, entry.configuration)) {
      this.#fail(shard, `entry ${index} holds another configuration than elsewhere`);
    }
    if (!isDeepStrictEqual(known.changes, entry.changes)) {
      this.#fail(shard, `entry ${index} changes other keys than elsewhere`);
    }
    const isAnswer = known.replies.every((reply, at) => isSame(reply, entry.replies[at]));
    if (known.replies.length !== entry.replies.length || !isAnswer) {
      this.#fail(shard, `entry ${index} is answered in another way than elsewhere`);
    }
  }

  #fail(shard: ShardId, message: string): never {
    throw new SimFailure('witness', message, { shard, time: this.#now() });
  }
}

const NOTHING = { payload: undefined, replies: [], changes: undefined };

/** One text for each change; undefined bytes of a catalog have none. */
function toldChanges(changes: Changes | undefined): Witnessed['changes'] {
  if (changes === undefined || typeof changes === 'string') return changes;
  return changes.map(({ kind, key, previous, version, value, transaction, isLast }) => {
    const group = typeof transaction === 'number' ? transaction : idText(transaction);
    const bytes = value === undefined ? '' : Buffer.from(value).toString('hex');
    const name = Buffer.from(key).toString();
    const own = kind === 'set' ? version : '';
    return `${kind} ${name} ${previous} ${own} ${bytes} ${group} ${isLast}`;
  });
}

function isSame(one: Uint8Array | undefined, other: Uint8Array | undefined): boolean {
  if (one === undefined || other === undefined) return one === other;
  return Buffer.compare(one, other) === 0;
}
