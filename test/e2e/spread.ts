/** Whether a cluster of three nodes may lose one of them. */

import { askMap } from '../../src/admin.ts';

/** Every shard has three voters. */
export async function isSpread(url: string): Promise<boolean> {
  const { shards } = await askMap(url);
  return shards.every(({ members }) => members.filter(({ isVoter }) => isVoter).length === 3);
}

/** A cluster that has just been founded has its shards on the first node alone. */
export async function untilSpread(url: string): Promise<void> {
  while (!(await isSpread(url))) await new Promise((resume) => setTimeout(resume, 50));
}
