/** Repairs or replaces a damaged state store, or refuses to if data would be lost. */

import type { ShardId } from '../base/ids.ts';
import type { Log, RestoredReplica } from '../storage/log/log.ts';
import { checkLevel } from '../storage/state/level-check.ts';
import { mendLevel } from '../storage/state/level-mend.ts';
import type { StateStoreDamaged } from '../storage/state/state.ts';
import { setAside } from '../storage/state/state-folder.ts';

/** Damage that neither another replica nor the log can repair. */
export class StoreDamaged extends Error {
  override readonly name = 'StoreDamaged';
  readonly code = 'store-damaged';

  constructor({ folder, damage, shards }: Irreplaceable) {
    const named = shards.length === 1 ? `shard ${shards[0]}` : `shards ${shards.join(', ')}`;
    super(
      `${damage.message}. This node has the only replica of ${named}, and its log does not ` +
        'reach back to the beginning, so the store cannot be rebuilt. It was not opened, because ' +
        'older values could be read in place of damaged newer ones; no data were changed. ' +
        'Restore an intact copy of the whole folder, or recover the intact data with ' +
        `\`kvctl salvage ${folder}\``,
      { cause: damage },
    );
  }
}

interface Irreplaceable {
  readonly folder: string;
  readonly damage: StateStoreDamaged;
  readonly shards: readonly ShardId[];
}

interface DamagedFolder {
  /** The data folder and its state store. */
  readonly folder: string;
  readonly state: string;
  readonly damage: StateStoreDamaged;
  readonly log: Log;
}

export type Repair =
  /** The new name of the damaged store; an empty one replaces it. */
  | { readonly type: 'set-aside'; readonly aside: string }
  /** The store is intact again: only these bits were flipped. */
  | { readonly type: 'mended'; readonly bits: readonly string[] };

/**
 * Sets the damaged store aside for an empty one: its replicas replay their logs, or fetch the rest
 * from other replicas. A store with the only copy of a shard is kept, and single flipped bits in it
 * are corrected. Throws `StoreDamaged` if there is other damage.
 */
export async function repair(damaged: DamagedFolder): Promise<Repair> {
  const { folder, state, damage, log } = damaged;
  const shards = log.shards.filter((shard) => isIrreplaceable(log.replica(shard)));
  if (shards.length === 0) return { type: 'set-aside', aside: await setAside(state) };
  const bits = await mend(state);
  if (bits.length === 0) throw new StoreDamaged({ folder, damage, shards });
  return { type: 'mended', bits };
}

/** Damage in a log or manifest hides later damage, so each repair is followed by a check. */
const LOOKS_MAX = 8;

/** Undefined if there is damage other than flipped bits. */
async function mend(state: string): Promise<readonly string[]> {
  const bits: string[] = [];
  for (let look = 0; look < LOOKS_MAX; look++) {
    const { damages } = await checkLevel(state);
    if (damages.length === 0) return bits;
    const mended = await mendLevel(state, damages);
    if (mended === undefined) return [];
    bits.push(...mended);
  }
  return [];
}

/** No other voter has the rows, and the log does not have all entries of them. */
function isIrreplaceable(replica: RestoredReplica | undefined): boolean {
  if (replica === undefined) return false;
  const { member, log, configurations } = replica;
  if (log.base.index === 0 && log.damaged.length === 0) return false;
  const { voters = [], outgoing = [] } = configurations.at(-1)?.configuration ?? {};
  return [...voters, ...outgoing].every((voter) => voter === member);
}
