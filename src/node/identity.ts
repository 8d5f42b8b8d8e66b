/** Who a node is: what its folder says, or what founding or joining a cluster makes of it. */

import { secureBytes } from '../base/ambient.ts';
import type { NodeId } from '../base/ids.ts';
import type { NodeDescription } from '../catalog/cluster-map.ts';
import { type DataFolder, FolderUnusable } from './data-folder.ts';
import { join } from './joining.ts';
import type { Passport } from './passport.ts';

interface Identified {
  readonly passport: Passport;
  /** The newest map that is at hand; no bytes for none. */
  readonly map: Uint8Array;
}

interface Identification {
  readonly folder: DataFolder;
  readonly description: NodeDescription;
  readonly isFounding: boolean;
  readonly join: readonly string[];
}

const FIRST = 1 as NodeId;
const NOT_YET = 0 as NodeId;
const TOKEN_BYTES = 16;
const CLUSTER_BYTES = 8;

/** How long it waits for others to let it join. */
const PATIENCE = { pauseMilliseconds: 500, patienceMilliseconds: 60_000 };

export async function identify(identification: Identification): Promise<Identified> {
  const { folder, isFounding, join: urls } = identification;
  const found = folder.readPassport();
  if (found !== undefined && found.cluster !== '') {
    return { passport: found, map: folder.readMap() };
  }
  if (found === undefined && isFounding) return { passport: foundIn(folder), map: NO_BYTES };
  if (urls.length > 0) return joinAs(found ?? newcomerIn(folder), identification);
  throw new FolderUnusable(
    `${folder.path} holds no node yet. To begin a cluster, start it with --init; to join one, ` +
      'start it with --join and the address of any node of that cluster',
  );
}

const NO_BYTES = new Uint8Array();

function foundIn(folder: DataFolder): Passport {
  const cluster = Buffer.from(secureBytes(CLUSTER_BYTES)).toString('hex');
  const joinToken = secureBytes(TOKEN_BYTES);
  const passport = { joinToken, cluster, node: FIRST, hasLived: false };
  folder.writePassport(passport);
  return passport;
}

/** The token is kept first: whoever asks twice with the same one is one node, not two. */
function newcomerIn(folder: DataFolder): Passport {
  const joinToken = secureBytes(TOKEN_BYTES);
  const passport = { joinToken, cluster: '', node: NOT_YET, hasLived: false };
  folder.writePassport(passport);
  return passport;
}

async function joinAs(
  { joinToken }: Passport,
  { folder, description, join: urls }: Identification,
): Promise<Identified> {
  const { cluster, node, map } = await join({ urls, joinToken, description, ...PATIENCE });
  const passport = { joinToken, cluster, node, hasLived: false };
  folder.keepMap(map);
  folder.writePassport(passport);
  return { passport, map };
}
