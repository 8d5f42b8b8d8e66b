/** Which machine runs behind which shard: the catalogue behind its own, data behind all others. */

import type { ShardId } from '../base/ids.ts';
import { Catalogue } from '../catalog/catalogue.ts';
import { CATALOGUE_SHARD, type ClusterMap } from '../catalog/cluster-map.ts';
import { encodeReply } from '../catalog/command-bytes.ts';
import { LOST } from '../machine/section.ts';
import { DataMachine } from '../shard/data-machine.ts';
import { isValue } from '../shard/lost-value.ts';
import type { Command, MachineView, ShardMachine, Verdict } from '../shard/shard-machine.ts';
import { StateDamage } from '../storage/state.ts';
import type { StateStore } from '../storage/state-store.ts';

interface MachineOptions {
  readonly shard: ShardId;
  readonly store: StateStore;
  /** Whether nothing else has what the state holds. */
  readonly isIrreplaceable: () => boolean;
  readonly onMap: (map: ClusterMap) => void;
}

export function machineOf(options: MachineOptions): ShardMachine {
  const { shard, onMap } = options;
  const view = viewOf(options);
  if (shard === CATALOGUE_SHARD) return new CatalogueMachine(view, onMap);
  return new DataMachine(view);
}

/** A value that is lost is no reason for its machine to stop. */
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

/** The map in the state of the catalogue's replica, if there is one and it can be read. */
export function mapIn(store: StateStore): ClusterMap | undefined {
  if (!store.shards.includes(CATALOGUE_SHARD)) return undefined;
  let found: ClusterMap | undefined;
  const onMap = (map: ClusterMap) => {
    found = map;
  };
  try {
    machineOf({ shard: CATALOGUE_SHARD, store, isIrreplaceable: () => false, onMap });
  } catch (error) {
    if (!(error instanceof StateDamage)) throw error;
  }
  return found;
}

class CatalogueMachine implements ShardMachine {
  readonly time = 0;
  readonly lockTable = undefined;
  readonly recentDeletes = undefined;
  readonly #view: MachineView;
  readonly #onMap: (map: ClusterMap) => void;
  #catalogue: Catalogue;

  constructor(view: MachineView, onMap: (map: ClusterMap) => void) {
    this.#view = view;
    this.#onMap = onMap;
    this.#catalogue = new Catalogue({ view });
    this.#tell();
  }

  apply(command: Command): Verdict | 'unknown' {
    const applied = this.#catalogue.apply(command);
    if (applied.type === 'unknown-command') return 'unknown';
    if (applied.writes.length > 0) this.#tell();
    const dueAt = Number.POSITIVE_INFINITY;
    const replies = [encodeReply(applied.reply)];
    return { writes: applied.writes, replies, freed: [], dueAt };
  }

  reload(): void {
    this.#catalogue = new Catalogue({ view: this.#view });
    this.#tell();
  }

  #tell(): void {
    if (this.#catalogue.map !== undefined) this.#onMap(this.#catalogue.map);
  }
}
