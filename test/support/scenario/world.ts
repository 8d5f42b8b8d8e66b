/** The world of a transcript: replicas, links and disks, without events of their own. */

import type { MemberId } from '../../../src/base/ids.ts';
import { assertRaftLimits, RAFT_LIMITS, type RaftLimits } from '../../../src/base/limits.ts';
import type { Message } from '../../../src/raft/message.ts';
import type { RaftEvent, ReadAnswer, StepResult } from '../../../src/raft/ready.ts';
import type { RaftStatus } from '../../../src/raft/status.ts';
import type { Disk } from './disk.ts';
import { Member } from './member.ts';
import { type Link, Network, unpack } from './network.ts';
import {
  spellChunk,
  spellEntries,
  spellFacts,
  spellLine,
  spellMessage,
  spellPosition,
  spellRead,
  spellRole,
  spellWrite,
} from './printing.ts';

/** More rounds than any transcript needs to settle. */
const SETTLING_ROUNDS_MAX = 1000;

/** What a run prints: all, only leaders and facts, or nothing. */
export type Detail = 'all' | 'notes' | 'nothing';

export class World {
  readonly network = new Network();
  readonly #members = new Map<number, Member>();
  readonly #reads: string[] = [];
  #limits: RaftLimits = RAFT_LIMITS;
  #lines: string[] = [];
  #detail: Detail = 'all';

  get limits(): RaftLimits {
    return this.#limits;
  }

  get members(): readonly Member[] {
    return [...this.#members.values()].sort((one, other) => one.id - other.id);
  }

  get living(): readonly Member[] {
    return this.members.filter((member) => member.isAlive);
  }

  limit(changes: Partial<Record<keyof RaftLimits, number>>): void {
    this.#limits = { ...this.#limits, ...changes };
    assertRaftLimits(this.#limits);
  }

  add(id: number, disk: Disk): Member {
    const member = new Member({ id: id as MemberId, limits: this.#limits, disk });
    this.#members.set(id, member);
    return member;
  }

  member(id: number): Member {
    const member = this.#members.get(id);
    if (member === undefined) throw new Error(`there is no replica ${id}`);
    return member;
  }

  /** While time runs, a repeated line is printed once. */
  say(line: string): void {
    if (this.#detail === 'notes' && this.#lines[this.#lines.length - 1] === line) return;
    this.#lines.push(line);
  }

  /** The output since the last call. */
  listen(): readonly string[] {
    const lines = this.#lines;
    this.#lines = [];
    return lines;
  }

  step(member: Member, event: RaftEvent): void {
    this.watch(member, () => member.step(event));
  }

  /** Passes an event to a replica and prints the result. */
  watch(member: Member, happen: () => StepResult | undefined): void {
    const before = member.status;
    const outcome = happen();
    if (outcome?.type === 'refused') this.#tell(member, 'refuses', outcome.reason);
    if (outcome?.type === 'taken' && outcome.position !== undefined) {
      this.#tell(member, 'takes', spellPosition(outcome.position));
    }
    this.#tellChanges(member, before);
  }

  /** A read is named in the transcript and numbered for the core. */
  numberRead(name: string): number {
    return this.#reads.push(name) - 1;
  }

  take(member: Member): void {
    const before = member.status;
    const ready = member.take();
    if (ready.write !== undefined) this.#tell(member, 'writes', spellWrite(ready.write));
    for (const chunk of ready.chunks) this.#tell(member, 'keeps', spellChunk(chunk));
    for (const message of ready.messages) this.#send(message);
    if (ready.committed.length > 0) this.#tell(member, 'applies', spellEntries(ready.committed));
    for (const read of ready.reads) this.#tell(member, 'answers', this.#spellRead(read));
    if (ready.truncated !== undefined) this.#tell(member, 'forgets', `through ${ready.truncated}`);
    this.#tellChanges(member, before);
    if (this.#detail === 'nothing') return;
    if (ready.facts.length > 0) this.say(spellLine(member.id, 'notes', spellFacts(ready.facts)));
  }

  deliver(link: Link): void {
    const frame = link.frames.shift();
    if (frame === undefined) throw new Error(`nothing is on its way ${link.from}->${link.to}`);
    const member = this.#members.get(link.to);
    if (member?.isAlive !== true) return this.#tell({ id: link.to as MemberId }, 'is', 'not there');
    this.step(member, { type: 'message', message: unpack(frame) });
  }

  sync(member: Member): void {
    this.watch(member, () => member.sync());
  }

  /** Everything that can happen without time passing happens, in a fixed order. */
  settle(detail: Detail): void {
    this.#detail = detail;
    let rounds = 0;
    while (this.#settleOnce()) {
      rounds += 1;
      if (rounds > SETTLING_ROUNDS_MAX) throw new Error('this world does not come to rest');
    }
    this.#detail = 'all';
  }

  /** Time passes for all replicas alike, and everything settles after each tick. */
  run(ticks: number, detail: Detail): void {
    for (let passed = 0; passed < ticks; passed++) {
      for (const member of this.living) {
        this.#detail = detail;
        this.tick(member, this.#limits.tickMilliseconds);
      }
      this.settle(detail);
    }
  }

  tick(member: Member, milliseconds: number): void {
    this.watch(member, () => member.tick(milliseconds));
  }

  #settleOnce(): boolean {
    let hasMoved = false;
    for (const member of this.living) {
      while (member.hasReady) {
        this.take(member);
        hasMoved = true;
      }
      while (member.hasPendingWrite && !member.isDiskHeld) {
        this.sync(member);
        hasMoved = true;
      }
      if (member.arrivedSnapshot !== undefined && !member.hasReady) {
        this.watch(member, () => member.checkSnapshot(true));
        hasMoved = true;
      }
    }
    for (const link of this.network.links) {
      while (link.frames.length > 0 && !link.isHeld) {
        this.deliver(link);
        hasMoved = true;
      }
    }
    return hasMoved;
  }

  #send(message: Message): void {
    const isSent = this.#members.has(message.to) && this.network.send(message);
    const verb = isSent ? `-> ${message.to}` : `-x ${message.to}`;
    this.#tell({ id: message.from }, verb, spellMessage(message));
  }

  #tell(member: Pick<Member, 'id'>, verb: string, text: string): void {
    if (this.#detail === 'all') this.say(spellLine(member.id, verb, text));
  }

  #tellChanges(member: Member, before: RaftStatus): void {
    const now = member.status;
    const isSame =
      now.role === before.role && now.leader === before.leader && now.term === before.term;
    if (!isSame && this.#detail !== 'nothing') {
      const { verb, text } = spellRole(now);
      this.say(spellLine(member.id, verb, `${text} in term ${now.term}`));
    }
    if (now.commit !== before.commit) this.#tell(member, 'commits', `through ${now.commit}`);
    if (now.isQuiet && !before.isQuiet) this.#tell(member, 'falls', 'silent');
    if (!now.isQuiet && before.isQuiet) this.#tell(member, 'wakes', '');
  }

  #spellRead(answer: ReadAnswer): string {
    return spellRead(answer, this.#reads[answer.id] ?? `${answer.id}`);
  }
}
