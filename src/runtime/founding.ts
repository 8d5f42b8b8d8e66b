/**
 * Whether a node without a number founds a cluster, joins one, waits, or gives up. Pure.
 *
 * The rule: a cluster is founded only when every address that is known has answered that it
 * belongs to none. So a node that lost its folder finds the others and joins them, and one that
 * cannot reach them waits, however often it is started with `--init`.
 *
 * Two nodes that were both started with `--init` found one cluster, not two. Each says in its
 * affiliation that it is about to found, and asks all others again after it has begun to say so. Of
 * two that asked each other, at least one was answered after the other had begun to say so, and it
 * waits. Which one goes on is decided by the candidate numbers.
 */

import { type Affiliation, NO_AFFILIATION, type Probe } from './affiliation.ts';

interface Situation {
  /** Of the node itself: a text if it may found, empty if it may only join. */
  readonly candidate: string;
  /** The cluster that the configuration names; empty if it names none. */
  readonly pinned: string;
  /** One for each other address that is known. */
  readonly probes: readonly Probe[];
}

export type Course =
  | { readonly type: 'found' }
  /** The node has begun to say that it is about to found: all others have to be asked again. */
  | { readonly type: 'ask-again' }
  /** Through any of these. */
  | { readonly type: 'join'; readonly cluster: string; readonly urls: readonly string[] }
  /** Until the situation is another; what stands against going on, address by address. */
  | { readonly type: 'wait'; readonly obstacles: readonly string[] }
  /** Waiting would change nothing. */
  | { readonly type: 'refuse'; readonly text: string };

/** The way of one node from its start to its cluster: rounds of asking, and what each leads to. */
export class Seeking {
  readonly #candidate: string;
  readonly #pinned: string;
  #isFounding = false;

  constructor({ candidate, pinned }: Omit<Situation, 'probes'>) {
    this.#candidate = candidate;
    this.#pinned = pinned;
  }

  /** What the node answers others. Required: it does so before the next round asks them. */
  get affiliation(): Affiliation {
    return { ...NO_AFFILIATION, candidate: this.#candidate, isFounding: this.#isFounding };
  }

  /** All answers of one round, which asked after the round before had been heard. */
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
  if (clusters.length > 1) return refuse('the addresses lead to different clusters', members);
  if (cluster !== undefined) return { type: 'join', cluster, urls: wanted.map(({ url }) => url) };
  if (members.length > 0) {
    return refuse(`this node is configured for cluster ${pinned} and found another`, members);
  }
  const silent = probes.flatMap((one) => (one.type === 'silent' ? [`${one.url}: ${one.why}`] : []));
  const rivals = others.flatMap(({ url, affiliation }) => {
    const isFirst =
      affiliation.isFounding || (affiliation.candidate && affiliation.candidate < candidate);
    return isFirst ? [`${url}: it is about to begin the cluster`] : [];
  });
  const empty = others.map(({ url }) => `${url}: it belongs to no cluster yet`);
  // A cluster that is named exists already: what is founded now would be another one.
  const mayFound = candidate !== '' && pinned === '';
  const obstacles = mayFound ? [...silent, ...rivals] : [...silent, ...empty];
  if (!mayFound || obstacles.length > 0) return { type: 'wait', obstacles };
  return { type: 'found' };
}

/** A list of addresses that is the same for all nodes holds the node's own. */
function isSelf(affiliation: Affiliation, candidate: string): boolean {
  return candidate !== '' && affiliation.candidate === candidate;
}

type Heard = Extract<Probe, { type: 'affiliation' }>;

function refuse(what: string, members: readonly Heard[]): Course {
  const where = members.map(({ url, affiliation }) => `${url} is of ${affiliation.cluster}`);
  return { type: 'refuse', text: `${what}: ${where.join(', ')}` };
}
