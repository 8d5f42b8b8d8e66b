/**
 * Whether a node without a number founds a cluster, joins one, waits, or gives up. Pure.
 *
 * The rule: a cluster is founded only after every known address has answered that it belongs to no
 * cluster. So a node that lost its folder finds the others and joins them, and a node that cannot
 * reach them waits, even if it is started with `--init` repeatedly.
 *
 * Two nodes that were both started with `--init` found one cluster, not two. Each announces in its
 * affiliation that it intends to found, and then queries all others again. Of two such nodes at
 * least one sees the announcement of the other, and waits. The candidate numbers decide which one
 * continues.
 */

import { type Affiliation, NO_AFFILIATION, type Probe } from './affiliation.ts';

interface Situation {
  /** The candidate number of this node; empty if it may only join. */
  readonly candidate: string;
  /** The cluster that the configuration names; empty if it names none. */
  readonly pinned: string;
  /** One result per other known address. */
  readonly probes: readonly Probe[];
}

export type Course =
  | { readonly type: 'found' }
  /** The node has announced that it intends to found: it must query all others again. */
  | { readonly type: 'ask-again' }
  /** Join through any of these URLs. */
  | { readonly type: 'join'; readonly cluster: string; readonly urls: readonly string[] }
  /** Wait; the obstacles, one per address. */
  | { readonly type: 'wait'; readonly obstacles: readonly string[] }
  /** Waiting cannot help. */
  | { readonly type: 'refuse'; readonly text: string };

/** The search of one node for its cluster: rounds of queries, and the course after each. */
export class Seeking {
  readonly #candidate: string;
  readonly #pinned: string;
  #isFounding = false;

  constructor({ candidate, pinned }: Omit<Situation, 'probes'>) {
    this.#candidate = candidate;
    this.#pinned = pinned;
  }

  /** The answer to other nodes. Required: it is published before the next round. */
  get affiliation(): Affiliation {
    return { ...NO_AFFILIATION, candidate: this.#candidate, isFounding: this.#isFounding };
  }

  /** Takes the answers of one round. Rounds do not overlap. */
  hear(probes: readonly Probe[]): Course {
    const wasFounding = this.#isFounding;
    const course = nextCourse({ candidate: this.#candidate, pinned: this.#pinned, probes });
    this.#isFounding = course.type === 'found';
    if (course.type !== 'found' || wasFounding || probes.length === 0) return course;
    return { type: 'ask-again' };
  }
}

function nextCourse({ candidate, pinned, probes }: Situation): Course {
  const heard = probes.flatMap((one) => (one.type === 'affiliation' ? [one] : []));
  const others = heard.filter(({ affiliation }) => !isSelf(affiliation, candidate));
  const members = others.filter(({ affiliation }) => affiliation.cluster !== '');
  const wanted = members.filter(
    ({ affiliation }) => pinned === '' || affiliation.cluster === pinned,
  );
  const clusters = [...new Set(wanted.map(({ affiliation }) => affiliation.cluster))];
  const [cluster] = clusters;
  if (clusters.length > 1) return refuse('the addresses belong to different clusters', members);
  if (cluster !== undefined) return { type: 'join', cluster, urls: wanted.map(({ url }) => url) };
  if (members.length > 0) {
    return refuse(
      `this node is configured for cluster ${pinned}, but the addresses belong to another`,
      members,
    );
  }
  const silent = probes.flatMap((one) => (one.type === 'silent' ? [`${one.url}: ${one.why}`] : []));
  const rivals = others.flatMap(({ url, affiliation }) => {
    const isFirst =
      affiliation.isFounding || (affiliation.candidate && affiliation.candidate < candidate);
    return isFirst ? [`${url}: it is about to found the cluster`] : [];
  });
  const empty = others.map(({ url }) => `${url}: it belongs to no cluster yet`);
  // A configured cluster ID names an existing cluster: founding would create another one.
  const mayFound = candidate !== '' && pinned === '';
  const obstacles = mayFound ? [...silent, ...rivals] : [...silent, ...empty];
  if (!mayFound || obstacles.length > 0) return { type: 'wait', obstacles };
  return { type: 'found' };
}

/** A shared list of addresses contains the node's own address, which is skipped. */
function isSelf(affiliation: Affiliation, candidate: string): boolean {
  return candidate !== '' && affiliation.candidate === candidate;
}

type Heard = Extract<Probe, { type: 'affiliation' }>;

function refuse(what: string, members: readonly Heard[]): Course {
  const where = members.map(({ url, affiliation }) => `${url} belongs to ${affiliation.cluster}`);
  return { type: 'refuse', text: `${what}: ${where.join(', ')}` };
}
