/** The vocabulary of the transcripts: each command does one thing to the world. */

import { parseFields, parseMembers, parseMessage } from './hand-made.ts';
import type { Member } from './member.ts';
import type { Link } from './network.ts';
import { spellEntries, spellFollower, spellLine, spellStatus } from './printing.ts';
import { type Command, parseIds, SETTING } from './setting.ts';
import type { World } from './world.ts';

const encoder = new TextEncoder();

/** Runs `name word word ...` and prints nothing itself: the world does. */
export function perform(world: World, line: string): void {
  const [name = '', ...words] = line.split(/\s+/);
  const command = COMMANDS[name];
  if (command === undefined) throw new Error(`no command is called ${name}`);
  command(world, words);
}

const COMMANDS: Readonly<Record<string, Command>> = {
  ...SETTING,
  campaign: (world, [id]) => world.step(find(world, id), { type: 'campaign' }),
  propose: (world, [id, ...texts]) => {
    const payloads = texts.map(parsePayload);
    world.step(find(world, id), { type: 'propose', payloads });
  },
  read: (world, [id, name = 'it']) => {
    world.step(find(world, id), { type: 'read', id: world.numberRead(name) });
  },
  /** `lease-read 1 +60`: so many milliseconds after the last tick. */
  'lease-read': (world, [id, after = '+0']) => {
    const member = find(world, id);
    world.step(member, { type: 'lease-read', now: member.now + Number(after) });
  },
  /** `change 1 voters=1,2 learners=3`. */
  change: (world, [id, ...words]) => {
    const fields = parseFields(words);
    const voters = parseMembers(fields.get('voters'));
    const learners = parseMembers(fields.get('learners'));
    world.step(find(world, id), { type: 'change', target: { voters, learners } });
  },
  /** `transfer 1 to 2`. */
  transfer: (world, [id, , target]) => {
    world.step(find(world, id), { type: 'transfer', to: find(world, target).id });
  },
  /** `announce 1 20`: replica 1 announces commits at once for 20 ticks. */
  announce: (world, [id, ticks = '1']) => {
    world.step(find(world, id), { type: 'announce-commits', ticks: Number(ticks) });
  },
  wake: (world, [id]) => world.step(find(world, id), { type: 'wake' }),
  /** `unreachable 1 2`: replica 1 hears that the connection to 2 broke. */
  unreachable: (world, [id, other]) => {
    world.step(find(world, id), { type: 'unreachable', member: find(world, other).id });
  },
  /** `tick 1 20`: ticks for one replica alone; `tick 1 1 after=500` for one that came late. */
  tick: (world, [id, count = '1', ...words]) => {
    const after = parseFields(words).get('after') ?? world.limits.tickMilliseconds;
    for (let at = 0; at < Number(count); at++) world.tick(find(world, id), Number(after));
  },
  /** `wait 2`: until its timeout is over, whenever that is in [10, 20) ticks. */
  wait: (world, [id]) => waitFor(world, find(world, id)),
  /** `run 30`, `run 30 quietly`: ticks for all replicas, with all that follows. */
  run: (world, [count, manner]) => {
    world.run(Number(count), manner === 'quietly' ? 'nothing' : 'notes');
    if (manner === 'quietly') tellAll(world);
  },
  /** `take 1`: one turn of a replica. */
  take: (world, words) => {
    for (const id of words) world.take(find(world, id));
  },
  /** `disk 1 2`: the oldest write of each becomes durable. */
  disk: (world, words) => {
    for (const id of words) world.sync(find(world, id));
  },
  /** `deliver 1->2 1->3`: the oldest on each of these links. */
  deliver: (world, routes) => {
    for (const route of routes) world.deliver(findLink(world, route));
  },
  /** All messages in transit on these links are lost. */
  drop: (world, routes) => {
    for (const route of routes) findLink(world, route).frames.length = 0;
  },
  /** The oldest on a link will arrive twice. */
  duplicate: (world, [route]) => {
    const { frames } = findLink(world, route);
    const [oldest] = frames;
    if (oldest === undefined) throw new Error('there is nothing to duplicate');
    frames.unshift(oldest);
  },
  /** `hold 1->2` or `hold disk 1`: settling skips it. */
  hold: (world, words) => holdOrRelease(world, words, true),
  release: (world, words) => holdOrRelease(world, words, false),
  /** `cut 1->2`: messages that are sent from now on are lost. */
  cut: (world, routes) => {
    for (const route of routes) findLink(world, route).isCut = true;
  },
  isolate: (world, words) => {
    for (const id of parseIds(words)) {
      for (const link of linksOf(world, id)) link.isCut = true;
    }
  },
  heal: (world) => {
    for (const link of world.network.links) link.isCut = false;
  },
  settle: (world, [manner]) => {
    world.settle(manner === 'quietly' ? 'nothing' : 'all');
    if (manner === 'quietly') tellAll(world);
  },
  crash: (world, words) => {
    for (const id of words) find(world, id).crash();
  },
  restart: (world, words) => {
    for (const id of words) find(world, id).begin();
  },
  /** `damage 2 3`: entry 3 of replica 2 was found unreadable; `damage 2 3 unseen`: not yet. */
  damage: (world, [id, text, manner]) => {
    const member = find(world, id);
    const index = Number(text);
    member.damage(index);
    if (manner !== 'unseen') world.step(member, { type: 'damaged', index });
  },
  /** `state-lost 2`: the state that the machine of replica 2 had applied is lost. */
  'state-lost': (world, words) => {
    for (const id of words) world.step(find(world, id), { type: 'state-lost' });
  },
  /** `checkpoint 1 5`: the state at 5 can be sent to others, and the log may be truncated. */
  checkpoint: (world, [id, index]) => {
    const member = find(world, id);
    world.watch(member, () => member.checkpoint(Number(index)));
  },
  /** `check 2 unsound`: the result of verifying the received snapshot. */
  check: (world, [id, verdict = 'sound']) => {
    const member = find(world, id);
    world.watch(member, () => member.checkSnapshot(verdict === 'sound'));
  },
  /** `message 1->2 append term=3 ...`: made by hand, delivered at once. */
  message: (world, [route = '', type = '', ...words]) => {
    const message = parseMessage(route, type, parseFields(words));
    const member = world.member(Number(route.split('->')[1]));
    world.step(member, { type: 'message', message });
  },
  status: (world, words) => tellAll(world, words),
  followers: (world, [id]) => {
    const member = find(world, id);
    for (const follower of member.status.followers) world.say(spellFollower(member.id, follower));
  },
  log: (world, words) => {
    for (const member of named(world, words)) {
      world.say(spellLine(member.id, 'has', spellEntries(member.disk.entries)));
    }
  },
  machine: (world, words) => {
    for (const member of named(world, words)) {
      world.say(spellLine(member.id, 'holds', member.texts.join(' ') || 'nothing'));
    }
  },
};

function waitFor(world: World, member: Member): void {
  const { electionTicksMin, tickMilliseconds } = world.limits;
  for (let passed = 1; passed < 2 * electionTicksMin; passed++) {
    world.tick(member, tickMilliseconds);
    if (member.status.role !== 'follower') return;
  }
}

function holdOrRelease(world: World, words: readonly string[], isHeld: boolean): void {
  const [first = '', second] = words;
  if (first === 'disk') find(world, second).isDiskHeld = isHeld;
  else for (const route of words) findLink(world, route).isHeld = isHeld;
}

function tellAll(world: World, words: readonly string[] = []): void {
  for (const member of named(world, words)) world.say(spellStatus(member.id, member.status));
}

function named(world: World, words: readonly string[]): readonly Member[] {
  return words.length === 0 ? world.living : words.map((id) => find(world, id));
}

function find(world: World, id: string | undefined): Member {
  return world.member(Number(id));
}

function findLink(world: World, route = ''): Link {
  const [from = '', to = ''] = route.split('->');
  return world.network.link(find(world, from).id, find(world, to).id);
}

function linksOf(world: World, id: number): Link[] {
  return world.members
    .filter((other) => other.id !== id)
    .flatMap((other) => [world.network.link(id, other.id), world.network.link(other.id, id)]);
}

/** `x*200` is two hundred bytes. */
function parsePayload(text: string): Uint8Array {
  const [letter = '', count] = text.split('*');
  return encoder.encode(count === undefined ? text : letter.repeat(Number(count)));
}
