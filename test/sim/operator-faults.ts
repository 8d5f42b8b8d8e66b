/** Actions of operators on a running cluster, at the worst of times. */

import { membersOf } from '../../src/raft/configuration.ts';
import { type Blow, every, pickShard } from './faults.ts';

export function inflictByOperator(blow: Blow): void {
  const { world, random } = blow;
  const shard = pickShard(blow);
  switch (blow.kind) {
    case 'membership':
      return setGoal(blow);
    case 'conflicting-change':
      return changeAnyhow(blow);
    case 'transfer': {
      let left = random.pick([1, 1, 8]);
      const once = () => {
        transfer(blow);
        left -= 1;
        return left > 0;
      };
      if (once()) every(blow, () => random.between(10, 500), once);
      return;
    }
    case 'campaign':
      return random.pick(world.hosts).push({ type: 'order', order: { type: 'campaign', shard } });
    case 'checkpoint':
      for (const host of world.hosts) {
        if (random.chance(0.5)) host.push({ type: 'order', order: { type: 'checkpoint', shard } });
      }
      return;
    default:
      return;
  }
}

/** Other nodes than now: more, fewer, one replaced, or none of the old ones. */
function setGoal(blow: Blow): void {
  const { world, random } = blow;
  const { plan, probes } = world.services;
  const shard = pickShard(blow);
  const present = world.operator.goals.get(shard) ?? [];
  const nodes = random.shuffle(world.hosts.map((host) => host.id));
  const others = nodes.filter((node) => !present.includes(node));
  const goals = [
    nodes.slice(0, random.between(1, Math.min(5, plan.nodes))),
    [...present.slice(1), ...others.slice(0, 1)],
    [...present.slice(0, -1), ...others.slice(0, 1)],
    others.slice(0, present.length),
  ];
  const goal = random.pick(goals);
  if (goal.length === 0) return;
  probes.hit('fault membership goal');
  world.operator.goals.set(shard, goal);
}

/** Each replica that believes to lead gets an order of its own. */
function changeAnyhow(blow: Blow): void {
  const { world, random } = blow;
  const { agenda, registry, probes } = world.services;
  const shard = pickShard(blow);
  const leaders = world.operator.leadersOf(shard);
  if (leaders.length > 1) probes.hit('fault change at two leaders');
  world.atlas.block(shard, agenda.now);
  for (const { host, status } of leaders) {
    const { configuration } = status.configuration;
    const members = membersOf(configuration).filter((member) => !registry.isImpaired(member));
    const voters = random.shuffle(members).slice(0, random.between(1, members.length));
    if (voters.length === 0 || !world.atlas.bears(shard, voters)) continue;
    const rest = members.filter((member) => !voters.includes(member));
    const learners = rest.filter(() => random.chance(0.5));
    host.push({ type: 'order', order: { type: 'change', shard, target: { voters, learners } } });
  }
}

function transfer(blow: Blow): void {
  const { world, random } = blow;
  const shard = pickShard(blow);
  for (const { host, status } of world.operator.leadersOf(shard)) {
    const { configuration } = status.configuration;
    const to = random.pick(membersOf(configuration));
    host.push({ type: 'order', order: { type: 'transfer', shard, to } });
  }
}
