/** The nemesis: each kind of fault starts and ends independently, with its own random stream. */

import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import { inflictOnDisk } from './disk-faults.ts';
import type { Host } from './host.ts';
import { inflictOnNetwork } from './network-faults.ts';
import { inflictByOperator } from './operator-faults.ts';
import type { FaultKind } from './profiles.ts';
import type { World } from './world.ts';

/** Between two faults of one kind at full intensity. */
const INTERVAL_MILLISECONDS = 4000;

export class Nemesis {
  readonly #world: World;
  readonly #random: Random;
  #isActive = false;

  constructor(world: World) {
    this.#world = world;
    this.#random = world.services.random.fork('nemesis');
  }

  start(): void {
    this.#isActive = true;
    for (const [kind, rarity] of this.#world.services.plan.faults) {
      this.#await(kind, rarity, this.#random.fork(kind));
    }
  }

  /** Faults that stay until the world is healed. */
  stop(): void {
    this.#isActive = false;
  }

  #await(kind: FaultKind, rarity: number, random: Random): void {
    const delay = -Math.log(1 - random.fraction()) * INTERVAL_MILLISECONDS * rarity;
    const { agenda, probes } = this.#world.services;
    agenda.after(delay, () => {
      if (!this.#isActive) return;
      probes.hit(`fault ${kind}`);
      this.#inflict(kind, random);
      this.#await(kind, rarity, random);
    });
  }

  #inflict(kind: FaultKind, random: Random): void {
    const isActive = () => this.#isActive;
    const blow = { world: this.#world, kind, random, isActive };
    switch (kind) {
      case 'loss':
      case 'delay':
      case 'reorder':
      case 'duplicate':
      case 'late-duplicate':
      case 'one-way':
      case 'partition':
      case 'bridge':
      case 'clog':
      case 'flap':
        return inflictOnNetwork(blow);
      case 'wipe':
      case 'slow-disk':
      case 'slow-disks':
      case 'disk-stall':
      case 'disk-error':
      case 'disk-full':
      case 'damage':
      case 'row-damage':
      case 'vote-loss':
      case 'rot':
      case 'lie':
      case 'wrong-folder':
        return inflictOnDisk(blow);
      case 'membership':
      case 'conflicting-change':
      case 'transfer':
      case 'campaign':
      case 'checkpoint':
        return inflictByOperator(blow);
      default:
        return inflictOnProcess(blow);
    }
  }
}

export interface Blow {
  readonly world: World;
  readonly kind: FaultKind;
  readonly random: Random;
  /** False once the faults are over: a follow-up must not happen then. */
  readonly isActive: () => boolean;
}

export function pickShard({ world, random }: Blow): ShardId {
  return random.pick(world.shards);
}

/** Half of the time a leader, where faults have the most effect. */
export function pickVictim(blow: Blow): Host {
  const { world, random } = blow;
  const leader = world.operator.leaderOf(pickShard(blow));
  const anyone = random.pick(world.hosts);
  return leader !== undefined && random.chance(0.5) ? leader.host : anyone;
}

/** Repeats until the faults are over or `isDone`. */
export function every(blow: Blow, milliseconds: () => number, run: () => boolean): void {
  blow.world.services.agenda.after(milliseconds(), () => {
    if (blow.isActive() && run()) every(blow, milliseconds, run);
  });
}

export function crashFor({ world, isActive }: Blow, host: Host, milliseconds: number): void {
  host.crash();
  world.services.agenda.after(milliseconds, () => {
    if (isActive()) host.start();
  });
}

function inflictOnProcess(blow: Blow): void {
  const { world, kind, random } = blow;
  const { plan } = world.services;
  const host = pickVictim(blow);
  switch (kind) {
    case 'crash':
      // Soon enough to be back while others still rely on earlier promises.
      return crashFor(blow, host, random.between(10, random.pick([100, 1000, 10_000])));
    case 'crash-effect':
      host.effectsLeft = random.between(1, 30);
      return every(
        blow,
        () => random.between(100, 5000),
        () => {
          host.start();
          return false;
        },
      );
    case 'crash-boot': {
      // While it reads its disk, and again while it reads what that crash left.
      let left = random.between(1, 5);
      return every(
        blow,
        () => random.between(5, 200),
        () => {
          host.crash();
          host.start();
          host.effectsLeft = random.between(1, 40);
          left -= 1;
          if (left <= 0) crashFor(blow, host, random.between(20, 300));
          return left > 0;
        },
      );
    }
    case 'crash-loop': {
      let left = random.between(3, 10);
      return every(
        blow,
        () => random.between(100, 2500),
        () => {
          crashFor(blow, host, random.between(20, 300));
          left -= 1;
          return left > 0;
        },
      );
    }
    case 'crash-majority': {
      const count = random.between(Math.floor(plan.nodes / 2) + 1, plan.nodes);
      const victims = random.shuffle(world.hosts).slice(0, count);
      for (const victim of victims) crashFor(blow, victim, random.between(50, 8000));
      return;
    }
    case 'quick-restart':
      return restartQuickly(blow);
    case 'pause':
    case 'suspend':
      return pause(blow, host);
    case 'stall':
      return host.stall(random.between(50, 5000));
    case 'starve':
      return starve(blow);
    case 'drift':
      return drift(blow, host);
    default:
      return;
  }
}

function pause({ world, kind, random, isActive }: Blow, host: Host): void {
  host.pause();
  const { agenda } = world.services;
  agenda.after(random.pick([100, 1000, random.between(100, 30_000)]), () => {
    if (isActive()) host.resume({ isSuspended: kind === 'suspend' });
  });
}

/** Processes share the processor: each waits for it in turn, independently. */
function starve(blow: Blow): void {
  const { world, random } = blow;
  const { agenda } = world.services;
  const until = agenda.now + random.between(3000, 15_000);
  const longest = random.pick([50, 150, 400]);
  for (const host of world.hosts) {
    every(
      blow,
      () => random.between(20, 2 * longest),
      () => {
        host.stall(random.between(10, longest));
        return agenda.now < until;
      },
    );
  }
}

/** Within the bound on which lease reads rely, where they are in use. */
function drift({ world, random }: Blow, host: Host): void {
  const { plan } = world.services;
  const widest = plan.limits.clockDriftMax * 0.999;
  const [low, high] = plan.isLease ? [1, widest] : [0.5, 2];
  host.setRate(random.pick([low, high, low + random.fraction() * (high - low)]));
}

/** One follower is cut off and pauses; another restarts and must keep its promise. */
function restartQuickly(blow: Blow): void {
  const { world, random, isActive } = blow;
  const { network, agenda, registry } = world.services;
  const leader = world.operator.leaderOf(pickShard(blow));
  if (leader === undefined) return;
  const nodes = registry.nodesOf(leader.status.configuration.configuration);
  const followers = random.shuffle(nodes.filter((node) => node !== leader.host.id));
  const [deaf, forgetful] = followers;
  const host = world.hosts[forgetful ?? -1];
  if (deaf === undefined || host === undefined) return;
  network.cut(leader.host.id, deaf);
  network.cut(deaf, leader.host.id);
  let left = 4;
  every(
    blow,
    () => random.between(50, 250),
    () => {
      crashFor(blow, host, random.between(5, 60));
      left -= 1;
      return left > 0;
    },
  );
  agenda.after(2000, () => {
    if (!isActive()) return;
    network.restore(leader.host.id, deaf);
    network.restore(deaf, leader.host.id);
  });
}
