/**
 * A world: three replicas, the messages between them, and what may still happen. All of it as
 * numbers. What must hold for ever is stored with it: the leader of each term, the committed
 * entries, and what a read must not miss.
 */

import type { Bounds } from './bounds.ts';
import { argumentOf, BrokenRule, type Cast, happeningCode, KIND, kindOf } from './cast.ts';
import { History } from './history.ts';

/** Places in a world's numbers: three replicas, then these, then the messages in rising order. */
const BUDGET = 3;
const COMMITTED = 4;
const LEADERS = 5;
const READ = 6;
export const MESSAGES = 7;

const REPLICAS = 3;
const QUORUM = 2;

/** Four bits for each kind of event that may happen a few times. */
const CAMPAIGNS = 0;
const PROPOSALS = 4;
const CRASHES = 8;
const DUPLICATES = 12;
const BEATS = 16;
const READS = 20;

/** A step as one number: what, to whom, and whether the message stays in transit. */
export function stepCode(step: {
  readonly code: number;
  readonly slot: number;
  readonly isKept: boolean;
}): number {
  return (step.code << 3) | (step.isKept ? 4 : 0) | step.slot;
}

export class World {
  readonly #cast: Cast;
  readonly #history = new History();
  readonly #bounds: Bounds;

  constructor(cast: Cast, bounds: Bounds) {
    this.#cast = cast;
    this.#bounds = bounds;
  }

  first(): number[] {
    const { campaigns, proposals, crashes, duplicates, beats, reads } = this.#bounds;
    const budget =
      (campaigns << CAMPAIGNS) |
      (proposals << PROPOSALS) |
      (crashes << CRASHES) |
      (duplicates << DUPLICATES) |
      (beats << BEATS) |
      (reads << READS);
    return [...this.#cast.begin(), budget, 0, 0, 0];
  }

  /** Everything that can happen next, as steps. */
  choices(world: readonly number[]): number[] {
    const steps: number[] = [];
    const add = (kind: number, slot: number, argument = 0) =>
      steps.push(stepCode({ code: happeningCode(kind, argument), slot, isKept: false }));
    const budget = world[BUDGET] as number;
    const left = (what: number) => (budget >>> what) & 15;
    for (let slot = 0; slot < REPLICAS; slot++) {
      const state = this.#cast.stateOf(world[slot] as number);
      if (state.hasPending) add(KIND.sync, slot);
      if (state.isWaiting) add(KIND.silence, slot);
      if (left(CRASHES) > 0) add(KIND.crash, slot);
      if (state.isLeader) {
        if (left(PROPOSALS) > 0) add(KIND.propose, slot, left(PROPOSALS));
        if (left(BEATS) > 0) add(KIND.beat, slot);
        if (left(READS) > 0) add(KIND.read, slot);
      } else if (left(CAMPAIGNS) > 0 && (slot === 0 || !this.#isUntouched(budget))) {
        add(KIND.campaign, slot);
      }
    }
    for (let at = MESSAGES; at < world.length; at++) {
      const message = world[at] as number;
      if (at > MESSAGES && message === world[at - 1]) continue;
      const slot = this.#cast.receiverOf(message);
      add(KIND.deliver, slot, message);
      if (left(DUPLICATES) === 0) continue;
      steps.push(stepCode({ code: happeningCode(KIND.deliver, message), slot, isKept: true }));
    }
    return steps;
  }

  /** The world after a step; undefined if nothing changed. Throws when a rule is broken. */
  after(world: readonly number[], step: number): number[] | undefined {
    const slot = step & 3;
    const code = step >>> 3;
    const kind = kindOf(code);
    const from = world[slot] as number;
    const move = this.#cast.move(from, code);
    // A message that changed nothing may as well stay in transit for ever.
    if (move.next === from && move.sent.length === 0) return undefined;
    const next = [...world];
    next[slot] = move.next;
    this.#spend(next, kind, (step & 4) !== 0);
    if (kind === KIND.deliver && (step & 4) === 0) {
      next.splice(next.indexOf(argumentOf(code), MESSAGES), 1);
    }
    for (const message of move.sent) insert(next, message);
    if (kind === KIND.read)
      next[READ] = 1 + this.#history.entriesOf(world[COMMITTED] as number).length;
    if (move.readIndex !== undefined) this.#checkRead(next, move.readIndex);
    for (let at = 0; at < REPLICAS; at++) this.#cast.dropLate(next, MESSAGES, at);
    this.#remember(next, slot);
    this.#check(next, slot);
    return next;
  }

  /** All replicas are equal until the first campaign, so it is the first one's. */
  #isUntouched(budget: number): boolean {
    return ((budget >>> CAMPAIGNS) & 15) === this.#bounds.campaigns;
  }

  #spend(world: number[], kind: number, isKept: boolean): void {
    const costs: Readonly<Record<number, number>> = {
      [KIND.campaign]: 1 << CAMPAIGNS,
      [KIND.propose]: 1 << PROPOSALS,
      [KIND.crash]: 1 << CRASHES,
      [KIND.beat]: 1 << BEATS,
      [KIND.read]: 1 << READS,
    };
    const cost = isKept ? 1 << DUPLICATES : (costs[kind] ?? 0);
    world[BUDGET] = (world[BUDGET] as number) - cost;
  }

  #checkRead(world: number[], index: number): void {
    const required = (world[READ] as number) - 1;
    world[READ] = 0;
    if (index < required) throw new BrokenRule('a read misses what was committed before it began');
  }

  /** Adds to what must hold for ever. */
  #remember(world: number[], slot: number): void {
    const state = this.#cast.stateOf(world[slot] as number);
    if (state.isLeader) {
      const place = 2 * state.term;
      const known = ((world[LEADERS] as number) >>> place) & 3;
      if (known === 0) world[LEADERS] = (world[LEADERS] as number) | ((slot + 1) << place);
      else if (known !== slot + 1) throw new BrokenRule(`two leaders in term ${state.term}`);
    }
    let committed = world[COMMITTED] as number;
    const entries = this.#history.entriesOf(committed);
    for (let at = 0; at < state.commit; at++) {
      const entry = state.log[at];
      if (entry === undefined) throw new BrokenRule('more is committed than there is');
      if (at >= entries.length) committed = this.#history.extend(committed, entry, state.term);
      else if (entries[at] !== entry) throw new BrokenRule('two entries committed at one index');
    }
    world[COMMITTED] = committed;
  }

  #check(world: readonly number[], moved: number): void {
    const committed = world[COMMITTED] as number;
    const entries = this.#history.entriesOf(committed);
    const terms = this.#history.termsOf(committed);
    for (let at = 0; at < entries.length; at++) {
      let copies = 0;
      for (let slot = 0; slot < REPLICAS; slot++) {
        const state = this.#cast.stateOf(world[slot] as number);
        if (state.synced[at] === entries[at]) copies += 1;
        const isLater = state.isLeader && state.term > (terms[at] as number);
        if (isLater && state.log[at] !== entries[at]) {
          throw new BrokenRule('a leader lacks a committed entry');
        }
      }
      if (copies < QUORUM) throw new BrokenRule('a committed entry is not durable on a quorum');
    }
    for (let slot = 0; slot < REPLICAS; slot++) {
      if (slot !== moved) this.#checkMatching(world[moved] as number, world[slot] as number);
    }
  }

  /** Two logs that agree on an index and its term agree on all before it (figure 3). */
  #checkMatching(one: number, other: number): void {
    const log = this.#cast.stateOf(one).log;
    const otherLog = this.#cast.stateOf(other).log;
    let isAgreed = false;
    for (let at = Math.min(log.length, otherLog.length) - 1; at >= 0; at--) {
      const entry = log[at] as number;
      const otherEntry = otherLog[at] as number;
      isAgreed ||= this.#cast.termOfEntry(entry) === this.#cast.termOfEntry(otherEntry);
      if (isAgreed && entry !== otherEntry) throw new BrokenRule('two logs do not match');
    }
  }
}

function insert(world: number[], message: number): void {
  let at = world.length;
  while (at > MESSAGES && (world[at - 1] as number) > message) at -= 1;
  world.splice(at, 0, message);
}
