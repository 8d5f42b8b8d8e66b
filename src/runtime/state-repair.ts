/** A state store that is damaged: what takes its place, or why nothing may. */

import type { ShardId } from '../base/ids.ts';
import type { Log, RestoredReplica } from '../storage/log/log.ts';
import { checkLevel } from '../storage/state/level-check.ts';
import { mendLevel } from '../storage/state/level-mend.ts';
import type { StateStoreDamaged } from '../storage/state/state.ts';
import { setAside } from '../storage/state/state-folder.ts';

/** Damage that no other replica and no log can make good. */
export class StoreDamaged extends Error {
  override readonly name = 'StoreDamaged';
  readonly code = 'store-damaged';

  constructor({ folder, damage, shards }: Irreplaceable) {
    const named = shards.length === 1 ? `shard ${shards[0]}` : `shards ${shards.join(', ')}`;
    super(
      `${damage.message}. This node has the only replica of ${named}, and its log does not ` +
        'reach back to the beginning, so nothing can take its place. It was not opened, because ' +
        'older values could be read where newer ones are damaged; its data was not changed. ' +
        'Put back an intact copy of the whole folder, or save what is sound with ' +
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
  /** The data folder, and the store in it. */
  readonly folder: string;
  readonly state: string;
  readonly damage: StateStoreDamaged;
  readonly log: Log;
}

export type Repair =
  /** What the damaged store is called now; a blank one takes its place. */
  | { readonly type: 'set-aside'; readonly aside: string }
  /** It is what it was before: all that was wrong were these bits. */
  | { readonly type: 'mended'; readonly bits: readonly string[] };

/**
 * Makes way for a blank store: its replicas replay their logs, or fetch what those do not have from
 * the other replicas. A store that holds the only copy of a shard stays; single bits in it that
 * flipped are turned back. Throws `StoreDamaged` if that is not all that is wrong.
 */
export async function repair(damaged: DamagedFolder): Promise<Repair> {
  const { folder, state, damage, log } = damaged;
  const shards = log.shards.filter((shard) => isIrreplaceable(log.replica(shard)));
  if (shards.length === 0) return { type: 'set-aside', aside: await setAside(state) };
  const bits = await mend(state);
  if (bits.length === 0) throw new StoreDamaged({ folder, damage, shards });
  return { type: 'mended', bits };
}

/** Damage in a log or a manifest hides what comes behind it, so a look follows each repair. */
const LOOKS_MAX = 8;

/** None if something else is wrong than that bits flipped. */
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

/** No other voter has the rows, and the log does not have all entries that made them. */
function isIrreplaceable(replica: RestoredReplica | undefined): boolean {
  if (replica === undefined) return false;
  const { member, log, configurations } = replica;
  if (log.base.index === 0 && log.damaged.length === 0) return false;
  const { voters = [], outgoing = [] } = configurations.at(-1)?.configuration ?? {};
  return [...voters, ...outgoing].every((voter) => voter === member);
}
