/** The identity of a node: from its folder, or from founding or joining a cluster. */

import { monotoneNow, secureBytes } from '../base/ambient.ts';
import { assert } from '../base/assert.ts';
import type { NodeId } from '../base/ids.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import type { NodeDescription, Settings } from '../catalog/cluster-map.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { NO_SECRET, type Secret } from '../wire/proof.ts';
import { type Affiliation, NO_AFFILIATION, type Probe, probe } from './affiliation.ts';
import type { Certificates } from './certificates.ts';
import { FolderUnusable, type NodeHome } from './data-folder.ts';
import { type Course, Seeking } from './founding.ts';
import type { StoredIdentity } from './identity-file.ts';
import type { joinAt as JoinAt, JoinResult } from './joining.ts';
import { settingsFault, type WantedSettings } from './settings-check.ts';

interface Identified {
  readonly stored: StoredIdentity;
  /** The newest stored map; empty if there is none. */
  readonly map: Uint8Array;
}

/** The options that decide which cluster the node belongs to. */
export interface Membership {
  /** Settings for founding a cluster, if none exists. */
  readonly init: Settings | undefined;
  /** Found a cluster without asking other nodes. */
  readonly isForced: boolean;
  /** Other nodes to query before founding, and to join. */
  readonly join: readonly string[];
  /** The operator gave the addresses for this very start. */
  readonly isJoinGiven: boolean;
  /** The only cluster to belong to; empty for any. */
  readonly pinned: string;
  readonly wanted: WantedSettings;
  /** The cluster secret; empty if there is none. */
  readonly secret: Secret;
  /** The certificate of the node: which cluster it is for, and how it dials. Absent: no TLS. */
  readonly certificates?: Certificates | undefined;
  /** How long a node without a number waits for other nodes. */
  readonly patienceMilliseconds: number;
}

/** An embedded store: it has no other nodes. */
export const ALONE: Omit<Membership, 'init'> = {
  isForced: false,
  join: [],
  isJoinGiven: false,
  pinned: '',
  wanted: {},
  secret: NO_SECRET,
  patienceMilliseconds: 0,
};

interface Identification extends Membership {
  readonly folder: NodeHome;
  readonly description: NodeDescription;
  /** Receives the affiliation that the node publishes from now on. */
  readonly onAffiliation: (affiliation: Affiliation) => void;
  /** Receives the obstacles, one per address; called again when they change. */
  readonly onWaiting: (obstacles: readonly string[]) => void;
  readonly signal: AbortSignal | undefined;
}

/** The start was stopped before the node belonged to a cluster. */
class StartStopped extends Error {
  override readonly name = 'StartStopped';

  constructor() {
    super('the start was stopped before the node belonged to a cluster. Nothing was changed');
  }
}

const FIRST = 1 as NodeId;
const NOT_YET = 0 as NodeId;
const TOKEN_BYTES = 16;
const CLUSTER_BYTES = 8;
const CANDIDATE_BYTES = 16;

export async function identify(identification: Identification): Promise<Identified> {
  const { folder, init, join, onAffiliation, pinned, isForced } = identification;
  const found = folder.readIdentity();
  if (found !== undefined && found.cluster !== '') {
    onAffiliation(affiliationAs(found));
    return await stay(found, identification);
  }
  const candidate = init === undefined ? '' : hexOf(secureBytes(CANDIDATE_BYTES));
  const seeking = new Seeking({ candidate, pinned });
  onAffiliation(seeking.affiliation);
  if (init === undefined && join.length === 0) throw new FolderUnusable(nowhere(folder));
  if (isForced && pinned !== '') throw new FolderUnusable(pinnedText(folder.path, pinned));
  if (isForced && init !== undefined) return foundIn(identification, init);
  const admission = await settle(identification, found, seeking);
  if (admission !== 'found') return await joinedIn(identification, admission);
  assert(init !== undefined, 'only a node with --init founds a cluster');
  return foundIn(identification, init);
}

/** A folder that belongs to a cluster never changes its cluster. */
async function stay(stored: StoredIdentity, identification: Identification): Promise<Identified> {
  const { folder, pinned, wanted, isForced } = identification;
  const { cluster, node } = stored;
  const objection = identification.certificates?.objectionTo(cluster);
  if (objection !== undefined) throw new FolderUnusable(`${objection}. Nothing was changed`);
  const whose = `the folder ${folder.path} belongs to node ${node} of cluster ${cluster}`;
  if (pinned !== '' && pinned !== cluster) {
    throw new FolderUnusable(
      `${whose}, but the configuration names cluster ${pinned}. Nothing was changed. ` +
        'Use the configuration of that cluster, or another folder',
    );
  }
  if (isForced) {
    throw new FolderUnusable(
      `${whose} already. Nothing was changed. Start it without --force-new-cluster; ` +
        'a new cluster needs an empty folder',
    );
  }
  const map = folder.readMap();
  const settings = decodeMap(map, undefined)?.settings ?? stored.founding;
  const fault = settings && settingsFault(wanted, settings);
  if (fault !== undefined) throw new FolderUnusable(`${whose}. ${fault}`);
  await refuseForeign(stored, identification);
  return { stored, map };
}

/** Refuses a --join to nodes of another cluster than the folder's. */
async function refuseForeign(
  { cluster, node }: StoredIdentity,
  { folder, join, isJoinGiven, signal, certificates }: Identification,
): Promise<void> {
  if (!isJoinGiven || join.length === 0) return;
  const probes = await probeAll(join, {
    timeoutMilliseconds: NODE_LIMITS.glanceMilliseconds,
    signal,
    tls: certificates?.dialTls,
  });
  const clusters = probes.flatMap((one) => (one.type === 'affiliation' ? [one] : []));
  const others = clusters.filter(({ affiliation }) => affiliation.cluster !== '');
  const foreign = others.find(({ affiliation }) => affiliation.cluster !== cluster);
  const isAtHome = others.some(({ affiliation }) => affiliation.cluster === cluster);
  if (foreign === undefined || isAtHome) return;
  throw new FolderUnusable(
    `the folder ${folder.path} belongs to node ${node} of cluster ${cluster}, but ${foreign.url} ` +
      `belongs to cluster ${foreign.affiliation.cluster}. Nothing was changed. To stay in its ` +
      'cluster, start it without --join. To move this node to the other cluster: remove node ' +
      `${node} from cluster ${cluster}, empty the folder, and run the same command again`,
  );
}

/** Queries the other nodes until the node has joined, may found, or gives up. */
async function settle(
  identification: Identification,
  found: StoredIdentity | undefined,
  seeking: Seeking,
): Promise<Joined | 'found'> {
  const { join, onAffiliation, onWaiting, patienceMilliseconds, signal } = identification;
  const tls = identification.certificates?.dialTls;
  const terms = { timeoutMilliseconds: NODE_LIMITS.probeMilliseconds, signal, tls };
  const until = monotoneNow() + patienceMilliseconds;
  let tellAt = monotoneNow() + NODE_LIMITS.waitingMilliseconds;
  let told = '';
  for (;;) {
    const probes = await probeAll(join, terms);
    if (signal?.aborted) throw new StartStopped();
    const course = seeking.hear(probes);
    onAffiliation(seeking.affiliation);
    if (course.type === 'refuse') throw new FolderUnusable(`${course.text}. ${HOW_TO_CHOOSE}`);
    if (course.type === 'found') return 'found';
    if (course.type === 'ask-again') continue;
    const end = await proceed(course, identification, found);
    if ('type' in end) return end;
    if (signal?.aborted) throw new StartStopped();
    const now = monotoneNow();
    if (now >= until || join.length === 0) throw gaveUp(identification, course, end);
    if (now >= tellAt && told !== end.join()) {
      onWaiting(end);
      told = end.join();
      tellAt = now + NODE_LIMITS.waitingToldMilliseconds;
    }
    await pause(NODE_LIMITS.probePauseMilliseconds, signal);
  }
}

type Joined = Extract<JoinResult, { type: 'joined' }>;

/** Joins if possible; otherwise returns the obstacles. */
async function proceed(
  course: Course,
  { folder, description, wanted, secret, signal, certificates }: Identification,
  found: StoredIdentity | undefined,
): Promise<Joined | readonly string[]> {
  if (course.type !== 'join') return course.type === 'wait' ? course.obstacles : [];
  const { cluster, urls } = course;
  const foreign = certificates?.objectionTo(cluster);
  if (foreign !== undefined) throw new FolderUnusable(`${foreign}. Nothing was changed`);
  const { joinToken } = found ?? folder.readIdentity() ?? newcomerIn(folder);
  const objection: Parameters<typeof JoinAt>[0]['objection'] = ({ settings }) => {
    return settingsFault(wanted, settings);
  };
  const tls = certificates?.dialTls;
  const about = { joinToken, description, objection, secret, signal, tls };
  // Sockets are loaded only by a node that joins: an embedded store opens without them.
  const { joinAt } = await import('./joining.ts');
  const obstacles: string[] = [];
  for (const url of urls) {
    if (signal?.aborted) break;
    const admission = await joinAt({ url, cluster, ...about });
    if (admission.type === 'joined') return admission;
    if (admission.type === 'refused') throw new FolderUnusable(admission.text);
    obstacles.push(`${url}: ${admission.why}`);
  }
  return obstacles;
}

function gaveUp(
  { init, pinned }: Identification,
  course: Course,
  obstacles: readonly string[],
): Error {
  const told = obstacles.join('; ') || 'no other nodes are configured';
  if (course.type === 'join' || (init === undefined && pinned === '')) {
    return new FolderUnusable(
      `the node could not join a cluster (${told}). Nothing was changed. Check the ` +
        'addresses and that a majority of the catalog is up, then start it again. ' +
        'If the cluster does not exist yet, start one node with --init',
    );
  }
  if (pinned !== '') {
    return new FolderUnusable(
      `cluster ${pinned} was not found (${told}). ` +
        'Nothing was changed. Start the nodes of that cluster; or, to found a new one, remove ' +
        'the cluster ID from the configuration',
    );
  }
  return new FolderUnusable(
    'no cluster was founded, because some nodes did not answer whether a cluster exists ' +
      `(${told}). Nothing was changed. Start the other nodes: this node then joins them, ` +
      'or founds one if none of them has a cluster. If no cluster ever existed, or all of it is ' +
      'lost, --force-new-cluster founds one without asking them',
  );
}

/** The id begins with the name that the certificate has, and ends with a part of its own. */
function foundIn(
  { folder, onAffiliation, certificates }: Identification,
  founding: Settings,
): Identified {
  const random = hexOf(secureBytes(CLUSTER_BYTES));
  const name = certificates?.foundedName;
  if (certificates !== undefined && name === undefined) {
    throw new FolderUnusable(
      `the certificate is for cluster ${certificates.node.cluster}, which exists already. ` +
        'Nothing was changed. A new cluster needs certificates with a name of at most 40 ' +
        'letters, digits, dashes or underscores',
    );
  }
  const cluster = name === undefined ? random : `${name}.${random}`;
  const joinToken = secureBytes(TOKEN_BYTES);
  const stored = { joinToken, cluster, node: FIRST, hasLived: false, founding };
  folder.writeIdentity(stored);
  onAffiliation(affiliationAs(stored));
  return { stored, map: NO_BYTES };
}

/** The token is stored first: two requests with the same token get one node number. */
function newcomerIn(folder: NodeHome): StoredIdentity {
  const joinToken = secureBytes(TOKEN_BYTES);
  const stored = { joinToken, cluster: '', node: NOT_YET, hasLived: false, founding: undefined };
  folder.writeIdentity(stored);
  return stored;
}

async function joinedIn(
  { folder, onAffiliation }: Identification,
  { cluster, node, map }: Joined,
): Promise<Identified> {
  const newcomer = folder.readIdentity();
  if (newcomer === undefined)
    throw new FolderUnusable(`the identity file of ${folder.path} is missing`);
  const { joinToken } = newcomer;
  const stored = { joinToken, cluster, node, hasLived: false, founding: undefined };
  folder.keepMap(map);
  await folder.settle();
  folder.writeIdentity(stored);
  onAffiliation(affiliationAs(stored));
  return { stored, map };
}

function affiliationAs({ cluster, node }: StoredIdentity): Affiliation {
  return { ...NO_AFFILIATION, cluster, node };
}

const HOW_TO_CHOOSE =
  'Nothing was changed. Check the addresses (--join, or the nodes of the configuration): they ' +
  'must belong to one cluster';

function nowhere({ path }: NodeHome): string {
  return (
    `the data folder ${path} is empty. To found a cluster, start with --init; to join one, ` +
    'start with --join and the address of any of its nodes'
  );
}

function pinnedText(path: string, pinned: string): string {
  return (
    `the data folder ${path} is empty, and the configuration names cluster ${pinned}: a new ` +
    'cluster would be another one. Nothing was changed. Remove the cluster ID from the ' +
    'configuration first'
  );
}

function probeAll(
  urls: readonly string[],
  terms: Parameters<typeof probe>[1],
): Promise<readonly Probe[]> {
  return Promise.all(urls.map((url) => probe(url, terms)));
}

function hexOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('hex');
}

/** Ends early if the signal is aborted. */
function pause(milliseconds: number, signal: AbortSignal | undefined): Promise<void> {
  return new Promise((resume) => {
    const end = () => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', end);
      resume();
    };
    const timer = setTimeout(end, milliseconds);
    signal?.addEventListener('abort', end);
    if (signal?.aborted) end();
  });
}
