/**
 * What the catalog's leader proposes next, so that every shard comes to lie where the ring wants
 * it: new goals when the nodes changed, then a few placements at a time.
 *
 * A pure function of the map and of the live nodes. It keeps no state, so another leader continues
 * where this one stopped; and every command is refused if the map changed in between, so proposing
 * twice does no harm.
 */

import type { MemberId, NodeId } from '../base/ids.ts';
import { CATALOG_LIMITS } from '../base/limits.ts';
import type { ClusterMap, ShardRow } from './cluster-map.ts';
import type { CatalogCommand, CommandOf, PlacedMember } from './command.ts';
import { aimFor } from './goals.ts';
import { memberOn, nodeNumbered, wantedNodes } from './questions.ts';

interface Outlook {
  readonly map: ClusterMap;
  /** For each live node, the milliseconds since it became alive. */
  readonly liveFor: ReadonlyMap<NodeId, number>;
  /** The milliseconds since the row last changed: progress of a move changes it. */
  readonly unchangedFor: (row: ShardRow) => number;
  /** A random number for a new member, of 52 bits. */
  readonly drawMember: () => MemberId;
}

/** Nothing if all shards lie as they should, or if moves in progress have to finish first. */
export function planNext(outlook: Outlook): CatalogCommand[] {
  const { map } = outlook;
  const aim = aimFor(map, outlook.liveFor);
  if (aim !== undefined) return [aim];
  const moving = map.shards.filter((row) => isMoving(row, outlook));
  // A learner that cannot store, for example, must not hold up all other shards for ever.
  const isComing = (row: ShardRow) =>
    outlook.unchangedFor(row) < CATALOG_LIMITS.movePatienceMilliseconds;
  const { movingShardsMax, movesMax } = CATALOG_LIMITS;
  const coming = moving.filter(isComing).length;
  const free = Math.max(Math.min(movingShardsMax - coming, movesMax - moving.length), 0);
  const due = map.shards.filter((row) => !moving.includes(row) && isDue(row, outlook));
  const wanted = (row: ShardRow) => wantedNodes(row).length;
  // The catalog first, then shards with a lost voter, then the shards with the fewest replicas.
  due.sort((one, other) => wanted(one) - wanted(other) || one.shard - other.shard);
  const isAtRisk = (row: ShardRow) => hasLostVoter(row, outlook);
  due.sort((one, other) => Number(!isAtRisk(one)) - Number(!isAtRisk(other)));
  due.sort((one, other) => Number(one.shard > 0) - Number(other.shard > 0));
  const again = moving.filter((row) => isDue(row, outlook));
  return [...again, ...due.slice(0, free)].map((row) => placeOf(row, outlook));
}

/** A voter on a silent node that is being removed: one more silent node may be one too many. */
function hasLostVoter({ members }: ShardRow, { map, liveFor }: Outlook): boolean {
  return members.some(({ node, isVoter }) => {
    if (!isVoter || liveFor.has(node)) return false;
    return nodeNumbered(map, node)?.membership === 'removing';
  });
}

/** Its goal differs from its present members, and a placement is possible. */
function isDue(row: ShardRow, { liveFor }: Outlook): boolean {
  const { isFounded, members } = row;
  const wanted = wantedNodes(row);
  const next = nodesNext(row);
  if (!isFounded || next.join() === wanted.join()) return false;
  const added = next.filter((node) => !wanted.includes(node));
  const room = CATALOG_LIMITS.membersMax - members.length;
  return added.length <= room && (added.length === 0 || added.some((node) => liveFor.has(node)));
}

/**
 * The goal, except nodes whose former member has to be removed first: a new one would be the second
 * on that node. While one is awaited, no presently wanted node is given up.
 */
function nodesNext(row: ShardRow): readonly NodeId[] {
  const wanted = wantedNodes(row);
  const isFree = (node: NodeId) => wanted.includes(node) || memberOn(row, node) === undefined;
  const free = row.goal.filter(isFree);
  if (free.length === row.goal.length) return free;
  return [...new Set([...wanted, ...free])].sort((one, other) => one - other);
}

/**
 * A wanted member has yet to vote, or an unwanted one has yet to be removed, and it can be done. A
 * shard that waits for a node to come back does not count: it would hold up all the others.
 */
function isMoving({ members }: ShardRow, { liveFor }: Outlook): boolean {
  const isAlive = ({ node }: { readonly node: NodeId }) => liveFor.has(node);
  const voters = members.filter(({ isVoter }) => isVoter);
  if (voters.filter(isAlive).length * 2 <= voters.length) return false;
  const awaited = members.filter(({ isWanted, isVoter }) => isWanted && !isVoter);
  if (awaited.length > 0) return awaited.some(isAlive);
  return members.some(({ isWanted }) => !isWanted);
}

function placeOf(row: ShardRow, { drawMember }: Outlook): CommandOf<'place'> {
  const used = new Set(row.members.map(({ member }) => member));
  const members = nodesNext(row).map((node): PlacedMember => {
    const listed = memberOn(row, node);
    if (listed !== undefined) return { node, member: listed.member };
    let member = drawMember();
    while (used.has(member)) member = drawMember();
    used.add(member);
    return { node, member };
  });
  return { type: 'place', shard: row.shard, revision: row.revision, members };
}
