/** Faults of the network. */

import type { Blow } from './faults.ts';
import { every, pickVictim } from './faults.ts';
import type { LinkTrouble } from './network.ts';

export function inflictOnNetwork(blow: Blow): void {
  const { random } = blow;
  switch (blow.kind) {
    case 'loss': {
      const loss = random.pick([0.01, 0.05, 0.3]);
      return vex(blow, { loss }, { loss: 0 });
    }
    case 'delay': {
      const latencyMean = random.pick([5, 20, 100]);
      const spikes = { spikeChance: 0.02, spikeMax: random.pick([500, 10_000]) };
      const calm = { latencyMean: 0.5, spikeChance: 0.001, spikeMax: 20 };
      return vex(blow, { latencyMean, ...spikes }, calm);
    }
    case 'reorder':
      return vex(
        blow,
        { isReordered: true, latencyMean: 5 },
        { isReordered: false, latencyMean: 0.5 },
      );
    case 'duplicate':
      return vex(blow, { duplicate: random.pick([0.05, 0.5]) }, { duplicate: 0 });
    case 'late-duplicate':
      return vex(blow, { lateDuplicate: 0.02 }, {});
    case 'one-way':
      return cutPairs(blow, (from, to, chosen) => chosen.has(from) && !chosen.has(to));
    case 'partition':
      return cutPairs(blow, (from, to, chosen) => chosen.has(from) !== chosen.has(to));
    case 'bridge':
      return bridge(blow);
    case 'clog':
      return clog(blow);
    case 'flap':
      return flap(blow);
    default:
      return;
  }
}

/** Some links, or all of them, are bad for a while. */
function vex(blow: Blow, trouble: Partial<LinkTrouble>, calm: Partial<LinkTrouble>): void {
  const { world, random, isActive } = blow;
  const { network, agenda, plan } = world.services;
  const share = random.pick([0.2, 0.5, 1]);
  const links: (readonly [number, number])[] = [];
  for (let from = 0; from < plan.nodes; from++) {
    for (let to = 0; to < plan.nodes; to++) if (random.chance(share)) links.push([from, to]);
  }
  for (const [from, to] of links) network.trouble(from, to, trouble);
  agenda.after(random.between(500, 20_000), () => {
    if (!isActive()) return;
    for (const [from, to] of links) network.trouble(from, to, calm);
  });
}

/** Isolates one node, or a random set of them. */
function cutPairs(
  blow: Blow,
  isCut: (from: number, to: number, chosen: ReadonlySet<number>) => boolean,
): void {
  const { world, random } = blow;
  const { nodes } = world.services.plan;
  const victim = pickVictim(blow).id;
  const others = world.hosts.map((host) => host.id).filter((id) => id !== victim);
  const all = [victim, ...random.shuffle(others)];
  const count = random.pick([1, Math.floor(nodes / 2), random.between(1, nodes)]);
  const picked = all.slice(0, count);
  const chosen = new Set(random.chance(0.5) ? picked : all.filter((id) => !picked.includes(id)));
  cutWhere(blow, (from, to) => isCut(from, to, chosen));
}

/** Two halves that both see one node and not each other, or a ring of neighbours. */
function bridge(blow: Blow): void {
  const { world, random } = blow;
  const { nodes } = world.services.plan;
  const order = random.shuffle(world.hosts.map((host) => host.id));
  const isRing = random.chance(0.5);
  const placeOf = (node: number) => order.indexOf(node);
  cutWhere(blow, (from, to) => {
    const one = placeOf(from);
    const other = placeOf(to);
    const distance = Math.min((one - other + nodes) % nodes, (other - one + nodes) % nodes);
    if (isRing) return distance > 1;
    if (one === 0 || other === 0) return false;
    return one % 2 !== other % 2;
  });
}

function cutWhere(blow: Blow, isCut: (from: number, to: number) => boolean): void {
  const { world, random, isActive } = blow;
  const { network, agenda, plan } = world.services;
  const cuts: (readonly [number, number])[] = [];
  for (let from = 0; from < plan.nodes; from++) {
    for (let to = 0; to < plan.nodes; to++) {
      if (from !== to && isCut(from, to)) cuts.push([from, to]);
    }
  }
  for (const [from, to] of cuts) network.cut(from, to);
  agenda.after(random.pick([300, 3000, random.between(1000, 20_000)]), () => {
    if (!isActive()) return;
    for (const [from, to] of cuts) network.restore(from, to);
  });
}

/** Links stop one after the other and come back in another order (swizzle). */
function clog(blow: Blow): void {
  const { world, random, isActive } = blow;
  const { network, agenda, plan } = world.services;
  const span = random.between(500, 8000);
  for (let from = 0; from < plan.nodes; from++) {
    for (let to = 0; to < plan.nodes; to++) {
      if (from === to || !random.chance(0.4)) continue;
      agenda.after(random.below(span), () => {
        if (isActive()) network.clog(from, to);
      });
      agenda.after(span + random.below(span), () => {
        if (isActive()) network.unclog(from, to);
      });
    }
  }
}

function flap(blow: Blow): void {
  const { world, random } = blow;
  const { network, plan } = world.services;
  const from = random.below(plan.nodes);
  const to = random.below(plan.nodes);
  if (from === to) return;
  let left = random.between(4, 40);
  every(
    blow,
    () => random.between(50, 500),
    () => {
      left -= 1;
      const isDown = left % 2 === 1;
      for (const [one, other] of [
        [from, to],
        [to, from],
      ] as const) {
        if (isDown) network.cut(one, other);
        else network.restore(one, other);
      }
      return left > 0;
    },
  );
}
