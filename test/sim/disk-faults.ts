/** Faults of disks: slow, stuck, full, failing, damaged, forgetful, outdated, lost. */

import type { ShardId } from '../../src/base/ids.ts';
import { type Blow, every, pickShard, pickVictim } from './faults.ts';
import type { Host } from './host.ts';
import { promiseCopies, rotAnything, rotEntry, rotRow, rotVote } from './rot.ts';

export function inflictOnDisk(blow: Blow): void {
  const { world, random, isActive } = blow;
  const { agenda } = world.services;
  const host = pickVictim(blow);
  switch (blow.kind) {
    case 'slow-disk': {
      const minimum = random.pick([10, 100, 1000]);
      host.disk.speed = { minimum, mean: minimum * random.pick([0.1, 1, 4]) };
      agenda.after(random.between(1000, 20_000), () => {
        if (isActive()) host.disk.recover();
      });
      return;
    }
    case 'slow-disks': {
      const minimum = random.pick([50, 100, 200, 500]);
      for (const one of world.hosts) one.disk.speed = { minimum, mean: minimum / 10 };
      agenda.after(random.between(3000, 20_000), () => {
        if (isActive()) for (const one of world.hosts) one.disk.recover();
      });
      return;
    }
    case 'disk-stall':
      return host.disk.stall(agenda.now + random.between(100, 8000));
    case 'disk-error':
      return fail(blow, host);
    case 'disk-full':
      return fill(blow, host);
    case 'damage':
      return damage(blow);
    case 'row-damage':
      return damageRow(blow);
    case 'vote-loss':
      return loseVote(blow);
    case 'rot':
      return rot(blow);
    case 'lie':
      return lie(blow);
    case 'wrong-folder':
      return swap(blow);
    case 'wipe':
      return wipe(blow);
    default:
      return;
  }
}

const CALLS = ['write', 'sync', 'sync', 'create', 'rename', 'remove', 'folder'] as const;

/** Calls fail, one or for a while. The node must not continue after that. */
function fail({ world, random, isActive }: Blow, host: Host): void {
  const { agenda } = world.services;
  if (random.chance(0.2)) host.disk.state.fault = new Error('EIO');
  else {
    const on = random.pick(CALLS);
    host.disk.files.plan({ on, errno: 'EIO' }, { times: random.pick([1, 1, 1, 5]) });
  }
  host.disk.fail();
  agenda.after(random.between(5000, 20_000), () => {
    if (isActive()) host.disk.mend();
  });
}

function fill({ world, random, isActive }: Blow, host: Host): void {
  const { agenda, plan } = world.services;
  host.disk.fill(random.below(2 * plan.log.segmentBytes));
  agenda.after(random.between(1000, 30_000), () => {
    if (isActive()) host.disk.makeRoom();
  });
}

function damage(blow: Blow): void {
  const { world, random } = blow;
  const shard = pickShard(blow);
  const host = random.pick(world.hosts);
  const image = host.ledger.durable.get(shard);
  const { agenda } = world.services;
  if (image === undefined || image.entries.length === 0 || host.isScarred) return;
  if (random.chance(0.3) && damageTwo(blow, shard)) return;
  if (!world.atlas.canLose(shard, image.member, agenda.now)) return;
  const count = random.pick([1, 1, 1, 5]);
  for (let left = count; left > 0; left--) {
    // The newest entries are those that the machine may not have applied yet.
    const reach = random.chance(0.5) ? Math.min(3, image.entries.length) : image.entries.length;
    const index = image.lastIndex - random.below(reach);
    if (!rotEntry(host, shard, index, random)) continue;
    world.services.probes.hit('fault damage bit');
    // Half of the damage is found by a scrub, the rest when it is read.
    if (!random.chance(0.5)) continue;
    agenda.after(random.between(0, random.pick([1, 100, 5000])), () => {
      host.push({ type: 'order', order: { type: 'scrub', shard, index } });
    });
  }
}

/** Two replicas, each of which loses an entry that all others have. */
function damageTwo({ world, random }: Blow, shard: ShardId): boolean {
  const { agenda, invariants, probes } = world.services;
  const possible = invariants.truthOf(shard).possibleConfigurations();
  const voters = new Set(
    possible.flatMap(({ configuration: { voters, outgoing } }) => {
      return [...voters, ...outgoing];
    }),
  );
  const images = world.hosts.flatMap((host) => {
    const image = host.ledger.durable.get(shard);
    const isIts = image !== undefined && voters.has(image.member);
    return isIts && !host.isScarred ? [{ host, image }] : [];
  });
  if (voters.size < 3 || images.length < voters.size) return false;
  if (![...voters].every((voter) => world.atlas.canLose(shard, voter, agenda.now))) return false;
  const last = Math.min(...images.map(({ image }) => image.lastIndex));
  const isEverywhere = (index: number) => {
    const term = images[0]?.image.termAt(index);
    return images.every(({ image }) => {
      return image.entryAt(index)?.term === term && !image.damaged.has(index);
    });
  };
  const shared = Array.from({ length: 6 }, (_, at) => last - at).filter(isEverywhere);
  const [one, other] = random.shuffle(shared);
  if (one === undefined || other === undefined) return false;
  const [first, second] = random.shuffle(images);
  if (first === undefined || second === undefined) return false;
  if (!rotEntry(first.host, shard, one, random)) return false;
  if (rotEntry(second.host, shard, other, random)) probes.hit('fault damage on two replicas bit');
  // Both are found at the next start at the latest.
  for (const { host } of [first, second]) {
    if (random.chance(0.5)) host.crash();
    agenda.after(random.between(10, 3000), () => host.start());
  }
  return true;
}

/** Detected when it is read. */
function damageRow(blow: Blow): void {
  const { world, random } = blow;
  const shard = pickShard(blow);
  const host = random.pick(world.hosts);
  const image = host.ledger.durable.get(shard);
  if (image === undefined || host.storage?.isSwitching(shard) !== false) return;
  if (!world.atlas.canLose(shard, image.member, world.services.agenda.now)) return;
  if (host.memberOf(shard) !== image.member) return;
  // A damaged row may belong to a snapshot that is being received.
  if (host.replicas.get(shard)?.arrival.isComing === true) return;
  if (!rotRow(host.disk.state, shard, random)) return;
  world.services.probes.hit('fault row-damage bit');
  host.corruptionChanged.add(shard);
}

/** Detected at the next start, which comes soon. */
function loseVote(blow: Blow): void {
  const { world, random } = blow;
  const host = random.pick(world.hosts);
  const shard = pickShard(blow);
  if (!host.isUp) return;
  const { boot } = host;
  const { files } = host.disk;
  const stale = promiseCopies(files);
  const before = termOf(host, shard);
  let looks = 40;
  every(
    blow,
    () => 250,
    () => {
      looks -= 1;
      if (host.boot !== boot || files !== host.disk.files) return false;
      if (termOf(host, shard) === before && looks > 0) return true;
      strike(blow, host, () => {
        if (!rotVote(host, shard, { stale, random })) return;
        world.services.probes.hit('fault vote-loss bit');
      });
      return false;
    },
  );
}

function termOf(host: Host, shard: ShardId): number | undefined {
  return host.ledger.durable.get(shard)?.hardState.term;
}

function rot(blow: Blow): void {
  const { world, random } = blow;
  const host = random.pick(world.hosts);
  strike(blow, host, () => {
    const style = rotAnything(host, random);
    if (style !== undefined) world.services.probes.hit(`rot ${style}`);
  });
}

/** The disk reports a write as done, and did not do it, or did it elsewhere. */
function lie(blow: Blow): void {
  const { world, random } = blow;
  const host = random.pick(world.hosts);
  if (host.storage === undefined || !canLoseAll(blow, host)) return;
  world.services.probes.hit('fault lie bit');
  host.isSuspect = true;
  host.isScarred = true;
  host.isLiedTo = true;
  const by = 512 * random.between(1, 40);
  const fault = random.chance(0.5) ? ({ on: 'lost' } as const) : { on: 'misdirected' as const, by };
  host.disk.files.plan(fault, { name: '0' });
  restartLater(blow, host, random.between(50, 3000));
}

/** The folder of another node, or an empty one. `test/cluster` has old copies. */
function swap(blow: Blow): void {
  const { world, random } = blow;
  const host = random.pick(world.hosts);
  const style = random.pick(['foreign', 'empty'] as const);
  const other = random.pick(world.hosts);
  if (style === 'foreign' && (other === host || other.storage === undefined)) return;
  strike(blow, host, () => {
    const copies = { foreign: other.disk.files.image(), empty: new Map<string, Uint8Array>() };
    host.disk.files.restore(copies[style]);
    host.mustRefuse = true;
    world.services.probes.hit(`fault wrong-folder ${style}`);
  });
}

function wipe(blow: Blow): void {
  const { world, random } = blow;
  const host = random.pick(world.hosts);
  if (host.ledger.durable.size === 0 || !canLoseAll(blow, host)) return;
  world.services.probes.hit('fault wipe bit');
  host.wipe();
  restartLater(blow, host, random.between(100, 10_000));
}

/** A fault that may cost a node all its data: the power fails, it occurs, the node starts. */
function strike(blow: Blow, host: Host, happen: () => void): void {
  if (!canLoseAll(blow, host)) return;
  host.crash();
  host.isSuspect = true;
  host.isScarred = true;
  happen();
  restartLater(blow, host, blow.random.between(10, 3000));
}

function canLoseAll({ world }: Blow, host: Host): boolean {
  const { agenda } = world.services;
  if (!host.hasLived || host.isSuspect || host.mustRefuse) return false;
  return [...host.ledger.durable].every(([shard, image]) =>
    world.atlas.canLose(shard, image.member, agenda.now),
  );
}

function restartLater({ world, isActive }: Blow, host: Host, milliseconds: number): void {
  world.services.agenda.after(milliseconds, () => {
    if (!isActive()) return;
    host.crash();
    host.start();
  });
}
