/** The contents of the data folder of a simulated computer. */

import type { NodeId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { Probes } from '../sim/probes.ts';
import type { MemoryFiles } from '../support/twins/memory-files.ts';
import type { MemoryState } from '../support/twins/memory-state.ts';
import type { Vault } from '../support/twins/vault.ts';

/** What the data folder says of its node. */
export interface SimulatedIdentity {
  readonly joinToken: Uint8Array;
  readonly cluster: string;
  readonly node: NodeId;
  hasLived: boolean;
  map: Uint8Array;
}

/** All that is in a data folder, at one moment. */
export interface FolderCopy {
  readonly identity: SimulatedIdentity;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly state: ReturnType<MemoryState['rows']>;
  readonly vault: Vault | undefined;
}

/** How often LevelDB drops the last batch of its log when it is opened. */
const LAST_BATCH_LOST = 0.1;

/** The process ends: a batch in progress may be there, and the last one may be missing. */
export function crashState(
  state: MemoryState,
  { life, random, probes }: { readonly life: number; readonly random: Random; probes: Probes },
): void {
  state.crash({ keepsUnfinished: random.chance(0.5) });
  if (!random.fork(`last batch ${life}`).chance(LAST_BATCH_LOST)) return;
  state.loseLastBatch();
  probes.hit('the last batch of a state was lost');
}

/** Which segments its log has. */
export function segmentsOf(files: MemoryFiles): string {
  return [...files.image().keys()]
    .filter((name) => name.endsWith('.log'))
    .sort()
    .join();
}
