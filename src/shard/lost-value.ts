/** Which damage a shard can live with: to one value of a user that no other replica has. */

import { SECTION } from '../machine/section.ts';
import type { StateDamage } from '../storage/state.ts';
import type { StateStore } from '../storage/state-store.ts';

/**
 * The key is answered with an error until it is written or deleted; all others are served. Where
 * there is another replica its state is fetched instead, and what the machine itself lives by is
 * nothing that it can do without.
 */
export function isLostValue(
  store: Pick<StateStore, 'isAlone'>,
  { shard, section }: StateDamage,
): boolean {
  return section === SECTION.values && store.isAlone(shard);
}
