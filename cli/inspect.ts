/** Collects the health of a cluster: the map from any node, then a report from every node. */

import type { ClusterMap } from '../src/catalog/cluster-map.ts';
import { type ClusterSeen, clustersAmong, type NodeSeen } from './clusters-seen.ts';
import { EXIT } from './exit-codes.ts';
import { reportOf } from './failure.ts';
import { type Health, judge } from './health.ts';
import type { NodeInfo } from './node-info.ts';
import type { Store } from './store.ts';

/** Pause between two inspections while an election is in progress. */
const PAUSE_MILLISECONDS = 250;
/** After this time a missing leader is reported. */
export const ELECTION_GRACE_MILLISECONDS = 4000;

interface Inspection {
  /** How long a shard may have no leader before that is reported. */
  readonly graceMilliseconds: number;
}

/** Inspects once, or repeatedly until an election has ended. */
export async function inspect(
  store: Store,
  { graceMilliseconds }: Inspection = { graceMilliseconds: 0 },
): Promise<Health> {
  const until = performance.now() + graceMilliseconds;
  for (;;) {
    const health = await look(store);
    if (!health.isElecting || performance.now() >= until) return health;
    await new Promise((resume) => setTimeout(resume, PAUSE_MILLISECONDS));
  }
}

type Answer = NodeInfo | string;

async function look(store: Store): Promise<Health> {
  const { urls } = store;
  const [map, ...given] = await Promise.all([
    store.map().catch((error: unknown) => ({ error })),
    ...urls.map((url) => answerOf(store, url)),
  ] as const);
  const answers = new Map<string, Answer>(given.map((answer, at) => [urlText(urls[at]), answer]));
  if ('error' in map) {
    const clusters = clustersAmong(seenIn(answers), store.cluster);
    if (clusters.length > 1) return unmapped(clusters);
    throw map.error;
  }
  await askRest(store, map, answers);
  const own = map.nodes.map(({ node, clientUrl }) => {
    return [node as number, answers.get(urlText(clientUrl)) ?? 'the node was not queried'] as const;
  });
  return judge(map, new Map(own), clustersAmong(seenIn(answers), store.cluster));
}

/** Nodes of the map that are not among the given URLs. */
async function askRest(
  store: Store,
  { nodes }: ClusterMap,
  answers: Map<string, Answer>,
): Promise<void> {
  const missing = nodes.filter(({ clientUrl }) => !answers.has(urlText(clientUrl)));
  await Promise.all(
    missing.map(async ({ clientUrl }) => {
      answers.set(urlText(clientUrl), await answerOf(store, clientUrl));
    }),
  );
}

function seenIn(answers: ReadonlyMap<string, Answer>): readonly NodeSeen[] {
  return [...answers].flatMap(([url, answer]) => {
    return typeof answer === 'string' ? [] : [{ url, cluster: answer.cluster, node: answer.node }];
  });
}

/** No node has a map, but the nodes belong to different clusters. */
function unmapped(clusters: readonly ClusterSeen[]): Health {
  const nothing: ClusterMap = { ...NO_MAP, clusterId: clusters[0]?.cluster ?? '' };
  return judge(nothing, new Map(), clusters);
}

const NO_MAP: Omit<ClusterMap, 'clusterId'> = {
  version: 0,
  settings: { shards: 1, replicas: 1 },
  nextNode: 1 as ClusterMap['nextNode'],
  aimedAt: 0,
  nodes: [],
  shards: [],
};

/** Normalizes an address. */
function urlText(url = ''): string {
  return url.replace(/^ws/, 'kv').replace(/\/+$/, '');
}

async function answerOf(store: Store, clientUrl: string): Promise<Answer> {
  try {
    return await store.info(clientUrl);
  } catch (error) {
    const { message, reasons, exit } = reportOf(error);
    // The node is there, and no other one would answer otherwise.
    if (exit === EXIT.denied) throw error;
    return reasons.at(-1)?.what ?? message;
  }
}
