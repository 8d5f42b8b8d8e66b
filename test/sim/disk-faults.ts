/** Faults of disks: slow, stuck, damaged, forgetful, gone. */

import { type Blow, pickShard, pickVictim } from './faults.ts';

export function inflictOnDisk(blow: Blow): void {
  const { world, random, isActive } = blow;
  const { agenda } = world.services;
  const host = pickVictim(blow);
  switch (blow.kind) {
    case 'slow-disk': {
      const minimum = random.pick([10, 100, 1000]);
      host.disk.speed = { minimum, mean: minimum * random.pick([0.1, 1, 4]) };
      agenda.after(random.between(1000, 20_000), () => {
        if (isActive()) host.disk.heal();
      });
      return;
    }
    case 'disk-stall':
      return host.disk.stall(agenda.now + random.between(100, 8000));
    case 'damage':
      return damage(blow);
    case 'vote-loss':
      return loseVote(blow);
    case 'wipe':
      return wipe(blow);
    default:
      return;
  }
}

function damage(blow: Blow): void {
  const { world, random } = blow;
  const shard = pickShard(blow);
  const host = random.pick(world.hosts);
  const image = host.disk.durable.get(shard);
  const { agenda } = world.services;
  if (image === undefined || image.entries.length === 0) return;
  if (!world.atlas.canLose(shard, image.member, agenda.now)) return;
  const count = random.pick([1, 1, 1, 5]);
  for (let left = count; left > 0; left--) {
    // The newest entries are those that the machine may not have yet.
    const reach = random.chance(0.5) ? Math.min(3, image.entries.length) : image.entries.length;
    const index = image.lastIndex - random.below(reach);
    if (!host.disk.damage(shard, index)) continue;
    world.services.probes.hit('fault damage bit');
    // Half of it is found by a scrub, the rest when it is read.
    if (!random.chance(0.5)) continue;
    agenda.after(random.between(0, random.pick([1, 100, 5000])), () => {
      host.push({ type: 'order', order: { type: 'scrub', shard, index } });
    });
  }
}

/** Noticed at the next start, which comes soon. */
function loseVote(blow: Blow): void {
  const { world, random, isActive } = blow;
  const { agenda, registry, probes } = world.services;
  const shard = pickShard(blow);
  const host = random.pick(world.hosts);
  const image = host.disk.durable.get(shard);
  if (image === undefined || !host.isUp) return;
  if (!world.atlas.canLose(shard, image.member, agenda.now)) return;
  registry.impair(shard, image.member);
  probes.hit('fault vote-loss bit');
  host.crash();
  host.disk.loseVote(shard);
  agenda.after(random.between(50, 5000), () => {
    if (isActive()) host.start();
  });
}

function wipe(blow: Blow): void {
  const { world, random, isActive } = blow;
  const { agenda, probes } = world.services;
  const host = random.pick(world.hosts);
  const images = [...host.disk.durable];
  const isBearable = images.every(([shard, image]) =>
    world.atlas.canLose(shard, image.member, agenda.now),
  );
  if (!isBearable || images.length === 0) return;
  probes.hit('fault wipe bit');
  host.wipe();
  agenda.after(random.between(100, 10_000), () => {
    if (isActive()) host.start();
  });
}
