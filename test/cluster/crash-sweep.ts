/**
 * The crash sweep: one transaction in a cluster without faults, run again and again; each time one
 * node crashes before another one of all the effects, and restarts later. The transaction ends all
 * the same, as a whole or not at all, and blocks no other.
 */

import type { ReadCall } from '../../src/client/core/call.ts';
import type { Reply } from '../../src/machine/reply.ts';
import { withoutAmbient } from '../sim/ambient.ts';
import { type Failure, failureOf } from '../sim/failure.ts';
import { disagreementOf } from './agreement.ts';
import type { Death } from './computer.ts';
import { TransactionRequester } from './crash-sweep-requester.ts';
import { type Asked, BEFORE, SweepWorld, VARIANTS, type Variant } from './crash-sweep-world.ts';
import { bytesOf, type Customer, textOf } from './customer.ts';
import { Truth } from './truth.ts';

export interface SweepCase {
  readonly seed: number;
  readonly variant: Variant;
  /** Before which effect, of any node, counted from 1. */
  readonly effect: number;
  /** The index of the node that crashes. */
  readonly victim: number;
  readonly death: Death;
}

export interface SweepResult {
  readonly failure: Failure | undefined;
  readonly isCommitted: boolean;
  /** From the crash until every key was read and written, in virtual milliseconds. */
  readonly blocked: number;
  readonly virtualMilliseconds: number;
}

/** No client waits for longer than an election and the time to detect the failure. */
const BLOCKED_MILLISECONDS_MAX = 3000;
/** A crashed process is restarted soon; a node without power stays down until the end. */
const AWAY_MILLISECONDS = 400;
const END_MILLISECONDS_MAX = 10_000;
/** The value of a key once the bystander has written to it. */
const MARK = '!';

/** The nodes of all effects, in order, from the request until no remains of it are left. */
export function countEffects(seed: number, variant: Variant): readonly number[] {
  return withoutAmbient(() => {
    const world = new SweepWorld(seed);
    world.begin();
    const effects: number[] = [];
    world.computers.forEach((computer, place) => {
      computer.onEffect = () => {
        effects.push(place);
        return undefined;
      };
    });
    const questions = ask(world, variant);
    const isOver = () => areTold(questions) && world.leftovers() === undefined;
    world.until('nothing is left', isOver, END_MILLISECONDS_MAX);
    const isDone = questions.some(({ requester }) => requester.told[0]?.type === 'committed');
    if (isDone === (variant === 'broken'))
      world.fail('sweep', 'it comes to something else in peace');
    return effects;
  });
}

export function runSweepCase(one: SweepCase): SweepResult {
  const world = new SweepWorld(one.seed);
  const run = new SweepRun(world, one);
  let failure: Failure | undefined;
  try {
    withoutAmbient(() => run.run());
  } catch (error) {
    failure = failureOf(error, world.agenda.now);
  }
  const { isCommitted, blocked } = run;
  return { failure, isCommitted, blocked, virtualMilliseconds: world.agenda.now };
}

/**
 * All cases of a variant. Between two of its effects a node does nothing that outlives it, so the
 * cases in which it crashes before an effect of its own are the most valuable ones.
 */
export function casesOf(
  { seed, variant }: Pick<SweepCase, 'seed' | 'variant'>,
  { onlyOwn }: { readonly onlyOwn: boolean },
): readonly SweepCase[] {
  return countEffects(seed, variant).flatMap((actor, at) => {
    return PLACES.filter((place) => !onlyOwn || place === actor).flatMap((victim) =>
      DEATHS.map((death) => ({ seed, variant, effect: at + 1, victim, death })),
    );
  });
}

const PLACES = [0, 1, 2];
const DEATHS: readonly Death[] = ['kill', 'power'];

export function describeCase({ seed, variant, effect, victim, death }: SweepCase): string {
  return `seed ${seed}, ${variant}: node ${victim + 1} dies (${death}) at effect ${effect}`;
}

/** As `parseCase` reads it, for the command that repeats a case. */
export function spellCase({ variant, effect, victim, death }: SweepCase): string {
  return [variant, effect, victim, death].join('/');
}

export function parseCase(seed: number, text: string): SweepCase {
  const [variantName, effect, victim, deathName] = text.split('/');
  const variant = VARIANTS.find((name) => name === variantName);
  const death = DEATHS.find((name) => name === deathName);
  const place = PLACES.find((one) => `${one}` === victim);
  const isCase = variant !== undefined && death !== undefined && place !== undefined;
  if (isCase && Number(effect) > 0) {
    return { seed, variant, effect: Number(effect), victim: place, death };
  }
  throw new RangeError(`${text} is no case; one is ${VARIANTS[0]}/12/0/kill`);
}

/** A transaction, and its requester. */
interface Question {
  readonly asked: Asked;
  readonly requester: TransactionRequester;
}

/** The leader of the home shard itself, or another node, which has to forward it. */
function ask(world: SweepWorld, variant: Variant): readonly Question[] {
  const { agenda, computers } = world;
  return world.asked(variant).map((asked): Question => {
    const { home: shard, transaction } = asked;
    const requester = new TransactionRequester({ agenda, computers, shard, transaction });
    requester.begin(world.leaderOf(shard) + (variant === 'home-last' ? 1 : 0));
    return { asked, requester };
  });
}

function areTold(questions: readonly Question[]): boolean {
  return questions.every(({ requester }) => requester.told.length > 0);
}

class SweepRun {
  readonly #world: SweepWorld;
  readonly #case: SweepCase;
  #questions: readonly Question[] = [];
  #diedAt: number | undefined;
  /** The values of the written keys. */
  #value = BEFORE;
  blocked = 0;

  constructor(world: SweepWorld, one: SweepCase) {
    this.#world = world;
    this.#case = one;
  }

  get isCommitted(): boolean {
    return this.#value !== BEFORE;
  }

  run(): void {
    const world = this.#world;
    world.begin();
    this.#aim();
    this.#questions = ask(world, this.#case.variant);
    world.until('the node dies', () => this.#diedAt !== undefined, END_MILLISECONDS_MAX);
    this.#stand();
    world.computers[this.#case.victim]?.start();
    const isOver = () => areTold(this.#questions) && world.leftovers() === undefined;
    world.until('nothing is left', isOver, END_MILLISECONDS_MAX);
    const isSame = () => disagreementOf(world.computers, world.agenda.now) === undefined;
    world.until('replicas agree', isSame, END_MILLISECONDS_MAX);
    this.#judge();
  }

  /** The victim crashes before the effect, whichever node it belongs to. */
  #aim(): void {
    const { agenda, computers } = this.#world;
    const { effect, victim, death } = this.#case;
    const dying = computers[victim];
    let effects = 0;
    const die = () => {
      this.#diedAt = agenda.now;
      if (death === 'kill') agenda.after(AWAY_MILLISECONDS, () => dying?.start());
    };
    for (const computer of computers) {
      computer.onEffect = () => {
        effects += 1;
        if (effects !== effect) return undefined;
        die();
        if (computer === dying) return death;
        dying?.crash({ isPower: death === 'power' });
        return undefined;
      };
    }
  }

  /** Meanwhile a bystander reads and writes every key, and is not blocked. */
  #stand(): void {
    const world = this.#world;
    const { customer, agenda } = world;
    const keys = world.keys();
    let left = keys.length;
    for (const key of keys) {
      readOne(customer, key, (value) => {
        const isNew = this.#questions.some(({ asked }) => asked.value === value);
        const isKnown = value === BEFORE || (isNew && world.written().includes(key));
        if (!isKnown) world.fail('atomicity', `${key} is read as ${value}`);
        const mark = {
          type: 'append',
          key: bytesOf(key),
          value: bytesOf(MARK),
          lifeMilliseconds: 0,
        } as const;
        customer.write([mark], ({ outcome }) => {
          if (outcome !== 'ok') world.fail('liveness', `${key} is not written: ${outcome}`);
          left -= 1;
          if (left === 0) this.blocked = agenda.now - (this.#diedAt ?? 0);
        });
      });
    }
    world.until('every key is served', () => left === 0, BLOCKED_MILLISECONDS_MAX);
  }

  #judge(): void {
    const world = this.#world;
    const count = world.written().length;
    const values = world.readAll();
    this.#value = values[0]?.slice(0, -MARK.length) ?? '';
    values.forEach((value, at) => {
      const due = (at < count ? this.#value : BEFORE) + MARK;
      if (value !== due) world.fail('atomicity', `${world.keys()[at]} is ${value}, not ${due}`);
    });
    for (const question of this.#questions) {
      for (const reply of question.requester.told) this.#judgeReply(question, reply);
      this.#askAgain(question);
    }
    const { witness, map, agenda } = world;
    const truth = new Truth({ witness, map, now: agenda.now });
    truth.judge(world.writes);
    for (const { core } of world.computers) {
      if (core === undefined) continue;
      for (const { shard, applied } of core.state.replicas.all) {
        if (applied === witness.entries(shard).length) truth.compare(shard, core.state.store);
      }
    }
  }

  #judgeReply({ asked }: Question, reply: Reply): void {
    const isTold = reply.type === 'committed';
    if (isTold === (asked.value === this.#value)) return;
    const text = reply.type === 'refused' ? reply.reason : reply.type;
    this.#world.fail('outcome', `${asked.value} was told ${text}, and ${this.#value} is there`);
  }

  /** Every node gives the same answer, long afterwards. */
  #askAgain(question: Question): void {
    const world = this.#world;
    let left = world.computers.length;
    for (const { core } of world.computers) {
      if (core === undefined) continue;
      question.requester.askOnce(core, (reply) => {
        if (reply === undefined) return world.fail('outcome', 'its outcome is unknown');
        this.#judgeReply(question, reply);
        left -= 1;
      });
    }
    world.until('it is told again', () => left === 0, BLOCKED_MILLISECONDS_MAX);
  }
}

function readOne(customer: Customer, key: string, then: (value: string) => void): void {
  const level = { type: 'linearizable' } as const;
  const read = { type: 'read', keys: [bytesOf(key)], level, isJoint: false } as const;
  customer.call<ReadCall>(read, (result) => {
    if (result.type === 'failed') return readOne(customer, key, then);
    const [row] = result.rows;
    then(row === undefined ? '' : textOf(row.value));
  });
}
