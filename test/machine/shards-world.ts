/**
 * Several shards and the transactions between them. Whatever is sent waits in one pool, from which
 * chance draws: it comes late, twice, crosswise or never, coordinators vanish and others take over,
 * clients give up, time passes, and machines are made anew.
 */

import { equal, ok } from 'node:assert/strict';
import type { Random } from '../../src/base/random.ts';
import type { Decision } from '../../src/machine/decisions.ts';
import type { EntryBody } from '../../src/machine/entry.ts';
import type { Prepared } from '../../src/machine/lock-table.ts';
import { Machine } from '../../src/machine/machine.ts';
import type { Reply } from '../../src/machine/reply.ts';
import { SECTION } from '../../src/machine/section.ts';
import type { DecisionProposal } from '../../src/machine/transaction.ts';
import {
  encodeDecide,
  encodeIds,
  encodePrepare,
  encodeResolutions,
} from '../../src/machine/transaction-codec.ts';
import { idText, type TransactionId } from '../../src/machine/transaction-id.ts';
import { append, clientOf, compute, get, MachineRig, put } from './machine-rig.ts';
import { Numbering } from './numbering.ts';
import { Story } from './story.ts';

export const SHARDS = 3;
/** Of few clients something is always remembered, of many not. */
const CLIENTS = [4, 24] as const;
const ACCOUNTS = 8;
const OPENING = 1000;
const POOL_MAX = 40;

interface Message {
  readonly shard: number;
  readonly body: EntryBody;
  readonly epoch?: number;
  readonly onReply: (reply: Reply | undefined) => void;
}

export class ShardsWorld {
  readonly shards = Array.from({ length: SHARDS }, () => new MachineRig());
  readonly stories = new Map<string, Story>();
  readonly #random: Random;
  readonly #clients: Numbering[] = [];
  #pool: Message[] = [];

  constructor(random: Random) {
    this.#random = random;
    const clients = random.pick(CLIENTS);
    for (let at = 0; at < clients; at++) this.#clients.push(new Numbering());
    for (const shard of this.shards) {
      for (let at = 0; at < ACCOUNTS; at++) shard.do(compute('add', `account ${at}`, 1000n));
    }
  }

  step(): void {
    const random = this.#random;
    const dice = random.fraction();
    if (dice < 0.05) this.#begin();
    else if (dice < 0.08) this.#askAgain();
    else if (dice < 0.1) this.#recoverOne();
    else if (dice < 0.19) this.#tellOne();
    else if (dice < 0.28) this.#chore();
    else if (dice < 0.32) this.#giveUpOne();
    else this.#deliverOne();
    while (this.#pool.length > POOL_MAX) this.#deliverOne();
  }

  /** All that is on its way arrives; then each holder of keys asks, and is told. */
  settle(): void {
    while (this.#pool.length > 0) this.#deliver(this.#draw());
    for (let round = 0; round < 50 && this.#left > 0; round++) {
      for (const at of this.shards.keys()) {
        for (const lockTable of [...this.#of(at).lockTable.all()]) this.#recover(at, lockTable);
        for (const decision of [...this.#of(at).decisions.all()]) this.#tell(at, decision);
      }
      while (this.#pool.length > 0) this.#deliver(this.#draw());
    }
  }

  check(): void {
    equal(this.#left, 0, 'each participant has acknowledged');
    for (const { rows } of this.shards) {
      equal(rows.in(SECTION.prepared).length + rows.in(SECTION.decisions).length, 0);
    }
    let total = 0n;
    for (const shard of this.shards) {
      for (let at = 0; at < ACCOUNTS; at++) {
        total += BigInt(numberIn(shard.row(`account ${at}`)?.value));
      }
    }
    equal(total, BigInt(SHARDS * ACCOUNTS * OPENING), 'nothing is lost between shards');
    for (const story of this.stories.values()) story.check(this.shards);
  }

  get committed(): number {
    return [...this.stories.values()].filter((story) => story.isDone(this.shards)).length;
  }

  get #left(): number {
    const counts = [...this.shards.keys()].map((at) => {
      return this.#of(at).lockTable.size + this.#of(at).decisions.size;
    });
    return counts.reduce((sum, count) => sum + count, 0);
  }

  #of(shard: number): Machine['transactions'] {
    return (this.shards[shard] as MachineRig).machine.transactions;
  }

  /** A transfer between shards, which leaves a mark in each. */
  #begin(): void {
    const random = this.#random;
    const number = random.below(this.#clients.length);
    const client = this.#clients[number] as Numbering;
    const sequence = client.take();
    const places = random.shuffle([...this.shards.keys()]).slice(0, random.between(2, SHARDS));
    const amount = BigInt(random.below(20));
    const id: TransactionId = { home: places[0] ?? 0, client: clientOf(number), sequence };
    const mark = `mark ${idText(id)}`;
    const parts = places.map((_, at) => {
      const sum = at === 0 ? -amount * BigInt(places.length - 1) : amount;
      const account = `account ${random.below(ACCOUNTS)}`;
      const operations = [compute('add', account, sum), append(mark, '.')];
      if (random.chance(0.2)) operations.push(get(account));
      if (random.chance(0.03)) operations.push(put(mark, 'twice'));
      return operations;
    });
    const participants = places.map((position) => {
      const { time } = this.shards[position] as MachineRig;
      return { position, deadline: time + random.between(5, 400) };
    });
    const isHomeLast = random.chance(0.5);
    const story = new Story({ id, mark, parts, participants, isHomeLast });
    this.stories.set(idText(id), story);
    this.#coordinate(story);
  }

  /** Another copy comes to a node that may know nothing of the first. */
  #askAgain(): void {
    const stories = [...this.stories.values()];
    if (stories.length > 0) this.#coordinate(this.#random.pick(stories.slice(-10)));
  }

  #coordinate(story: Story): void {
    const { participants, isHomeLast, parts } = story;
    const versions: number[] = [];
    let left = participants.length - (isHomeLast ? 1 : 0);
    let isAlive = true;
    const abort = () => {
      isAlive = false;
      this.#decide(story, ABORT);
    };
    for (const [at, { position }] of participants.entries()) {
      if (at === 0 && isHomeLast) continue;
      const bytes = encodePrepare({ ...story.head, at, operations: parts[at] ?? [] });
      const ask = () => {
        this.#send(position, { type: 'prepare', bytes }, (reply) => {
          if (!isAlive || this.#random.chance(0.05)) return;
          if (reply?.type === 'locked' && this.#random.chance(0.8)) return ask();
          if (reply?.type !== 'done') return abort();
          if (versions[at] === undefined) left -= 1;
          versions[at] = reply.version;
          if (left > 0) return;
          isAlive = false;
          const others = isHomeLast ? versions.slice(1) : versions;
          const operations = isHomeLast ? (parts[0] ?? []) : [];
          const type = 'commit';
          this.#decide(story, { type, versions: others, outputs: [], operations });
        });
      };
      ask();
    }
  }

  #decide(
    story: Story,
    proposal: DecisionProposal,
    onDecided: (reply: Reply) => void = () => {},
  ): void {
    const bytes = encodeDecide({ ...story.head, proposal });
    this.#send(story.id.home, { type: 'decide', bytes }, (reply) => {
      ok(reply !== undefined);
      if (!story.isDecisive(proposal, reply)) {
        if (this.#random.chance(0.5)) this.#decide(story, ABORT);
        return;
      }
      story.hear(reply, this.shards);
      // The client was told, and needs no more.
      if (this.#random.chance(0.3)) this.#goOn(story);
      onDecided(reply);
    });
  }

  #goOn({ id }: Story): void {
    const client = this.#clients[id.client[0] ?? 0] as Numbering;
    client.close(id.sequence);
  }

  /** A client waits no longer, and goes on at once; it may be forgotten soon. */
  #giveUpOne(): void {
    const stories = [...this.stories.values()];
    if (stories.length === 0) return;
    const story = this.#random.pick(stories.slice(-4));
    this.#goOn(story);
    this.#transferWithin(story.id.home, story.id.client[0] ?? 0);
  }

  #recoverOne(): void {
    const at = this.#random.below(SHARDS);
    const held = [...this.#of(at).lockTable.all()];
    if (held.length > 0) this.#recover(at, this.#random.pick(held));
  }

  /** A shard that holds locks asks for the outcome of their transaction: so it ends. */
  #recover(at: number, { id }: Prepared): void {
    const story = this.stories.get(idText(id)) as Story;
    this.#decide(story, ABORT, (reply) => {
      const isCommitted = reply.type === 'committed';
      const bytes = encodeResolutions([{ id, isCommitted, deadline: 0 }]);
      this.#send(at, { type: 'resolve', bytes }, () => {});
    });
  }

  #tellOne(): void {
    const at = this.#random.below(SHARDS);
    const decisions = [...this.#of(at).decisions.all()];
    if (decisions.length > 0) this.#tell(at, this.#random.pick(decisions));
  }

  #tell(home: number, { id, isCommitted, participants }: Decision): void {
    const left = new Set(participants.slice(1));
    for (const participant of participants.slice(1)) {
      const { position, deadline } = participant;
      const bytes = encodeResolutions([{ id, isCommitted, deadline }]);
      this.#send(position, { type: 'resolve', bytes }, () => {
        left.delete(participant);
        if (left.size > 0) return;
        this.#send(home, { type: 'clear', bytes: encodeIds([id]) }, () => {});
      });
    }
  }

  #chore(): void {
    const random = this.#random;
    const shard = random.pick(this.shards);
    const number = random.below(this.#clients.length);
    switch (random.below(4)) {
      case 0:
        shard.machine = new Machine({ source: shard.rows });
        break;
      case 1:
        shard.time += random.chance(0.1) ? 400 : random.below(40);
        break;
      case 2:
        shard.apply({ type: 'forget', clients: this.#clients.map((_, at) => clientOf(at)) });
        break;
      default:
        this.#transferWithin(this.shards.indexOf(shard), number);
    }
  }

  #transferWithin(at: number, number: number): void {
    const random = this.#random;
    const shard = this.shards[at] as MachineRig;
    const client = this.#clients[number] as Numbering;
    const [from, to] = random.shuffle([...Array(ACCOUNTS).keys()]);
    const command = [compute('add', `account ${from}`, 1n), compute('add', `account ${to}`, -1n)];
    const sequence = client.take();
    const deadline = shard.time + random.below(30);
    shard.ask([command], { client: number, sequence, deadline });
    if (random.chance(0.9)) client.close(sequence);
  }

  #send(shard: number, body: EntryBody, onReply: Message['onReply']): void {
    const message = { shard, body, onReply };
    this.#pool.push(this.#random.chance(0.03) ? { ...message, epoch: 1 } : message);
  }

  #draw(): Message {
    const at = this.#random.below(this.#pool.length);
    const [message] = this.#pool.splice(at, 1);
    return message as Message;
  }

  #deliverOne(): void {
    if (this.#pool.length === 0) return;
    const message = this.#draw();
    if (this.#random.chance(0.05)) return;
    this.#deliver(message);
    if (this.#random.chance(0.25)) this.#pool.push(message);
  }

  #deliver({ shard, body, epoch, onReply }: Message): void {
    const [reply] = (this.shards[shard] as MachineRig).apply(body, epoch);
    onReply(reply);
  }
}

const ABORT: DecisionProposal = {
  type: 'abort',
  because: { type: 'refused', reason: 'aborted', position: 0 },
};

/** The accounts stay small. */
function numberIn(value: Uint8Array | undefined): number {
  const [tag = 0, high = 0, low = 0] = value ?? [];
  if (tag < 0x80) return tag;
  if (tag >= 0xe0) return tag - 0x100;
  const word = high * 0x100 + low;
  if (tag === 0xcc) return high;
  if (tag === 0xcd) return word;
  if (tag === 0xd0) return high - 0x100;
  equal(tag, 0xd1);
  return word - 0x1_0000;
}
