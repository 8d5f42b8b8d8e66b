/**
 * Which machine runs behind which shard: the catalog behind its own, users' data behind all others.
 */

import type { ShardId } from '../base/ids.ts';
import { Catalog } from '../catalog/catalog.ts';
import { CATALOG_SHARD, type ClusterMap } from '../catalog/cluster-map.ts';
import { encodeReply } from '../catalog/command.ts';
import { LOST } from '../machine/section.ts';
import { DataMachine } from '../shard/data-machine.ts';
import { isValue } from '../shard/lost-value.ts';
import type {
  ApplyResult,
  CommittedCommand,
  MachineView,
  ShardMachine,
} from '../shard/shard-machine.ts';
import { StateDamage } from '../storage/state/state.ts';
import type { StateStore } from '../storage/state/state-store.ts';

interface MachineOptions {
  readonly shard: ShardId;
  readonly store: StateStore;
  /** Whether no other copy of the state exists. */
  readonly isIrreplaceable: () => boolean;
  readonly onMap: (map: ClusterMap) => void;
}

export function machineOf(options: MachineOptions): ShardMachine {
  const { shard, onMap } = options;
  const view = viewOf(options);
  if (shard === CATALOG_SHARD) return new CatalogMachine(view, onMap);
  return new DataMachine(view);
}

/** A lost value does not stop its machine. */
function viewOf({ shard, store, isIrreplaceable }: MachineOptions): MachineView {
  return {
    get: (section, key) => {
      try {
        return store.get(shard, section, key);
      } catch (error) {
        if (error instanceof StateDamage && isValue(error) && isIrreplaceable()) return LOST;
        throw error;
      }
    },
  };
}

/** The map in the state of the catalog's replica, if there is one and it can be read. */
export function mapIn(store: StateStore): ClusterMap | undefined {
  if (!store.shards.includes(CATALOG_SHARD)) return undefined;
  let found: ClusterMap | undefined;
  const onMap = (map: ClusterMap) => {
    found = map;
  };
  try {
    machineOf({ shard: CATALOG_SHARD, store, isIrreplaceable: () => false, onMap });
  } catch (error) {
    if (!(error instanceof StateDamage)) throw error;
  }
  return found;
}

class CatalogMachine implements ShardMachine {
  readonly time = 0;
  readonly recordUntil = 0;
  readonly lockTable = undefined;
  readonly coordination = undefined;
  readonly recentDeletes = undefined;
  readonly #view: MachineView;
  readonly #onMap: (map: ClusterMap) => void;
  #catalog: Catalog;

  constructor(view: MachineView, onMap: (map: ClusterMap) => void) {
    this.#view = view;
    this.#onMap = onMap;
    this.#catalog = new Catalog({ view });
    this.#tell();
  }

  /** Without leases it has no such clock. */
  leaseTimeAt(): number {
    return 0;
  }

  apply(command: CommittedCommand): ApplyResult | 'unknown' {
    const applied = this.#catalog.apply(command);
    if (applied.type === 'unknown-command') return 'unknown';
    if (applied.writes.length > 0) this.#tell();
    const dueAt = Number.POSITIVE_INFINITY;
    const replies = [encodeReply(applied.reply)];
    const nothing = { freed: [], changes: [], grants: [], fenced: 0 };
    return { writes: applied.writes, replies, dueAt, ...nothing };
  }

  reload(): void {
    this.#catalog = new Catalog({ view: this.#view });
    this.#tell();
  }

  #tell(): void {
    if (this.#catalog.map !== undefined) this.#onMap(this.#catalog.map);
  }
}
