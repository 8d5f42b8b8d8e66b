/** The catalog, as naively as possible: loose records that are changed in place. */

import { assert } from '../../src/base/assert.ts';
import type { NodeDescription } from '../../src/catalog/cluster-map.ts';
import type { CatalogCommand, CatalogRefusal } from '../../src/catalog/command.ts';

interface ModelNode {
  token: string;
  incarnation: number;
  life: number;
  about: string;
  peerUrl: string;
  weight: number;
  basis: string;
  revision: number;
  membership: string;
  replaces: number;
}

interface ModelMember {
  node: number;
  isWanted: boolean;
  isVoter: boolean;
}

interface ModelShard {
  revision: number;
  term: number;
  isFounded: boolean;
  goal: string;
  /** By member id. */
  members: Map<number, ModelMember>;
}

/** What the random commands have of that kind. */
function isHostile({ zone, peerUrl }: NodeDescription): boolean {
  return zone.includes('\u001b') || peerUrl.includes('?');
}

export class Model {
  name: string | undefined;
  version = 0;
  aimedAt = 0;
  next = 1;
  replicas = 0;
  /** By number. */
  readonly nodes = new Map<number, ModelNode>();
  readonly shards: ModelShard[] = [];

  /** The assigned node number, or the refusal. */
  apply(command: CatalogCommand, index: number): number | CatalogRefusal {
    if (command.type === 'found') return this.#found(command, index);
    if (this.name === undefined) return 'not-founded';
    const answer = this.#obey(command, index);
    this.#forget();
    return answer;
  }

  #obey(
    command: Exclude<CatalogCommand, { type: 'found' }>,
    index: number,
  ): number | CatalogRefusal {
    if (command.type === 'set-membership') return this.#assign(command, index);
    if (command.type === 'join') return this.#join(command, index);
    if (command.type === 'announce') return this.#announce(command, index);
    if (command.type === 'aim') return this.#aim(command, index);
    assert('shard' in command, 'random commands are about nodes and shards');
    const shard = this.shards[command.shard];
    if (shard === undefined) return 'unknown-shard';
    if (command.type === 'lose') {
      const wanted = [...shard.members.values()].filter(({ isWanted }) => isWanted);
      const lost = shard.members.get(command.member);
      if (lost === undefined || !wanted.includes(lost)) return 0;
      if (wanted.length < 2) return 'unsound';
      lost.isWanted = false;
      shard.revision = index;
      this.version = index;
      return 0;
    }
    if (shard.revision !== command.revision) return 'stale-revision';
    const answer =
      command.type === 'place' ? this.#place(shard, command) : this.#report(shard, command);
    if (answer !== 'changed') return answer === 'same' ? 0 : answer;
    shard.revision = index;
    this.version = index;
    return 0;
  }

  #found(
    command: Extract<CatalogCommand, { type: 'found' }>,
    index: number,
  ): number | CatalogRefusal {
    const { clusterId, joinToken, members, settings, description } = command;
    if (this.name !== undefined) {
      const isSame = this.name === clusterId && this.nodes.get(1)?.token === String(joinToken);
      return isSame ? 1 : 'already-founded';
    }
    if (members.length !== settings.shards + 1 || description.weight < 1) return 'unsound';
    if (isHostile(description)) return 'unsound';
    this.name = clusterId;
    this.replicas = settings.replicas;
    for (const [at, member] of members.entries()) {
      const first = { node: 1, isWanted: true, isVoter: at === 0 };
      this.shards.push({
        ...{ revision: index, term: 0, isFounded: at === 0, goal: `1;${at === 0 ? 0 : 1}` },
        members: new Map([[member, first]]),
      });
    }
    this.#join({ type: 'join', joinToken, description, proof: undefined }, index);
    (this.nodes.get(1) as ModelNode).basis = `${description.weight} ${description.zone} false`;
    return 1;
  }

  #join(
    { joinToken, description }: Extract<CatalogCommand, { type: 'join' }>,
    index: number,
  ): number | CatalogRefusal {
    const token = String(joinToken);
    for (const [number, known] of this.nodes) if (known.token === token) return number;
    if (isHostile(description)) return 'unsound';
    const { peerUrl, weight } = description;
    const number = this.next++;
    const former = [...this.nodes].filter(([, node]) => node.peerUrl === peerUrl);
    const bases = former.map(([, { basis }]) => basis).filter((basis) => basis !== '');
    const [replaces, latest] = former[former.length - 1] ?? [0, undefined];
    const isDraining = latest?.membership === 'draining';
    for (const [, node] of former) {
      Object.assign(node, { basis: '', membership: 'removing', revision: index });
    }
    for (const shard of this.shards) {
      const [goal = '', preferred = ''] = shard.goal.split(';');
      const gone = former.map(([other]) => String(other));
      const kept = goal.split(',').filter((other) => !gone.includes(other));
      const isIn = kept.length < goal.split(',').length;
      const leader = gone.includes(preferred) ? number : preferred;
      if (isIn) Object.assign(shard, { goal: `${[...kept, number]};${leader}`, revision: index });
    }
    if (former.length > 0) this.aimedAt = index;
    this.version = index;
    this.nodes.set(number, {
      ...{ token, incarnation: 0, life: 0, about: JSON.stringify(description), peerUrl, weight },
      basis: bases.length === 1 ? (bases[0] ?? '') : '',
      revision: index,
      membership: isDraining ? 'draining' : 'active',
      replaces,
    });
    return number;
  }

  #assign(
    { node, revision, membership, isForced }: Extract<CatalogCommand, { type: 'set-membership' }>,
    index: number,
  ): 0 | CatalogRefusal {
    const known = this.nodes.get(node);
    if (known === undefined) {
      return membership === 'removing' && node < this.next ? 0 : 'unknown-node';
    }
    if (known.membership === membership) return 0;
    if (known.revision !== revision) return 'stale-revision';
    if ([...this.nodes.values()].some(({ replaces }) => replaces === node)) return 'replaced';
    const carrying = [...this.nodes].filter(([, other]) => {
      return other.weight > 0 && other.membership !== 'removing';
    });
    const others = carrying.filter(([number]) => number !== node);
    if (membership === 'removing') {
      if (others.length === 0) return 'last-node';
      const isFewer = others.length < carrying.length && others.length < this.replicas;
      if (isFewer && !isForced) return 'fewer-replicas';
    }
    known.membership = membership;
    known.revision = index;
    this.version = index;
    return 0;
  }

  /** Nodes that are being removed and that no row mentions. */
  #forget(): void {
    for (const [number, { membership, basis }] of this.nodes) {
      const isMentioned = this.shards.some(({ goal, members }) => {
        const goals = (goal.split(';')[0] ?? '').split(',');
        return goals.includes(`${number}`) || [...members.values()].some((m) => m.node === number);
      });
      const isGone = membership === 'removing' && basis === '' && !isMentioned;
      if (isGone) this.nodes.delete(number);
    }
  }

  #announce(
    command: Extract<CatalogCommand, { type: 'announce' }>,
    index: number,
  ): 0 | CatalogRefusal {
    const { incarnation, words } = command.lineage;
    const life = words.at(-1) ?? 0;
    const node = this.nodes.get(command.node);
    if (node === undefined) return 'unknown-node';
    if (node.token !== String(command.joinToken)) return 'wrong-token';
    if (node.incarnation > 0 && !words.includes(node.life)) return 'older-copy';
    if (incarnation === 0 || isHostile(command.description)) return 'unsound';
    if (node.incarnation > 0 && node.life === life) {
      return node.incarnation === incarnation ? 0 : 'unsound';
    }
    const { peerUrl, weight } = command.description;
    const about = JSON.stringify(command.description);
    Object.assign(node, { incarnation, life, about, peerUrl, weight, revision: index });
    this.version = index;
    return 0;
  }

  #aim(command: Extract<CatalogCommand, { type: 'aim' }>, index: number): 0 | CatalogRefusal {
    if (command.aimedAt !== this.aimedAt) return 'stale-revision';
    const named = command.nodes.map(({ node }) => node as number);
    const held = command.shards.flatMap(({ goal }) => goal);
    if ([...named, ...held].some((node) => !this.nodes.has(node))) return 'unknown-node';
    const isSound = command.shards.every(({ goal, preferredNode }) => {
      const sorted = [...new Set(goal)].sort((one, other) => one - other);
      const isPreferred = preferredNode === 0 || goal.includes(preferredNode);
      return goal.length > 0 && sorted.join() === goal.join() && isPreferred;
    });
    const isComplete = command.shards.length === this.shards.length;
    const isNamed = held.every((node) => named.includes(node));
    if (!isSound || !isComplete || !isNamed || new Set(named).size < named.length) return 'unsound';
    for (const [number, node] of this.nodes) {
      const aimed = command.nodes.find((one) => one.node === number);
      const basis = aimed === undefined ? '' : `${aimed.weight} ${aimed.zone} ${aimed.isDrained}`;
      if (basis !== node.basis) node.revision = index;
      node.basis = basis;
    }
    for (const [at, { goal, preferredNode }] of command.shards.entries()) {
      const shard = this.shards[at] as ModelShard;
      const said = `${goal};${preferredNode}`;
      if (said !== shard.goal) shard.revision = index;
      shard.goal = said;
    }
    this.aimedAt = index;
    this.version = index;
    return 0;
  }

  #place(
    shard: ModelShard,
    { members }: Extract<CatalogCommand, { type: 'place' }>,
  ): 'changed' | CatalogRefusal {
    if (members.some(({ node }) => !this.nodes.has(node))) return 'unknown-node';
    if (members.length === 0) return 'unsound';
    for (const [at, { node, member }] of members.entries()) {
      const others = members.slice(at + 1);
      if (others.some((one) => one.node === node || one.member === member)) return 'unsound';
      const listed = shard.members.get(member);
      if (listed !== undefined && (listed.node !== node || !listed.isWanted)) return 'unsound';
      const isTaken = [...shard.members.values()].some((one) => one.node === node);
      if (listed === undefined && isTaken) return 'unsound';
    }
    const all = new Set([...shard.members.keys(), ...members.map(({ member }) => member)]);
    if (all.size > 16) return 'full';
    for (const listed of shard.members.values()) listed.isWanted = false;
    for (const { node, member } of members) {
      const isVoter = shard.members.get(member)?.isVoter ?? false;
      shard.members.set(member, { node, isWanted: true, isVoter });
    }
    return 'changed';
  }

  #report(
    shard: ModelShard,
    { term, voters, learners }: Extract<CatalogCommand, { type: 'report' }>,
  ): 'changed' | 'same' | CatalogRefusal {
    if (term < shard.term) return 'older-leader';
    if (voters.length === 0) return 'unsound';
    const before = this.#tell(shard);
    for (const [member, listed] of shard.members) {
      listed.isVoter = voters.some((voter) => voter === member);
      const isThere = listed.isVoter || learners.some((learner) => learner === member);
      if (!listed.isWanted && !isThere) shard.members.delete(member);
    }
    shard.isFounded = true;
    shard.term = term;
    return this.#tell(shard) === before ? 'same' : 'changed';
  }

  #tell(shard: ModelShard): string {
    return JSON.stringify([shard.term, shard.isFounded, [...shard.members]]);
  }
}
