/** What is in the data folder of a simulated computer. */

import type { NodeId } from '../../src/base/ids.ts';
import type { MemoryFiles } from '../../src/storage/memory-files.ts';
import type { MemoryState } from '../../src/storage/memory-state.ts';

/** What the data folder says of its node. */
export interface Passport {
  readonly joinToken: Uint8Array;
  readonly cluster: string;
  readonly node: NodeId;
  hasLived: boolean;
  map: Uint8Array;
}

/** All that is in a data folder, at one moment. */
export interface FolderCopy {
  readonly passport: Passport;
  readonly files: ReadonlyMap<string, Uint8Array>;
  readonly state: ReturnType<MemoryState['rows']>;
}

/** Which segments its log has. */
export function segmentsOf(files: MemoryFiles): string {
  return [...files.image().keys()]
    .filter((name) => name.endsWith('.log'))
    .sort()
    .join();
}
