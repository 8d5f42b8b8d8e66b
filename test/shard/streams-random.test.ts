/** Watchers of a replica, by chance: each copy of a range is the range at its position. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { decodeChanges } from '../../src/machine/change-codec.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import { decodeRow } from '../../src/machine/row.ts';
import { SECTION } from '../../src/machine/section.ts';
import { Flow } from '../../src/shard/fair-queue.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import type { StreamHandle } from '../../src/shard/responder.ts';
import type { StreamStart } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, put, remove, textOf } from '../machine/machine-rig.ts';
import { byEffort } from '../support/effort.ts';
import { SHARD } from './replica-rig.ts';
import { WatchRig } from './watch-rig.ts';

const SEEDS = byEffort({ full: 60, brief: 8 });
const STEPS = 120;
const KEYS = 12;
const RANGES = [
  ['', ''],
  ['k03', 'k08'],
  ['k05', 'k05\0'],
  ['k09', ''],
] as const;

type Changes = Extract<Response, { type: 'changes' }>;
type Versions = Map<string, number>;

const keyAt = (at: number) => `k${String(at).padStart(2, '0')}`;

/** The versions of all keys behind each entry that was applied. */
class Truth {
  readonly #rig: WatchRig;
  readonly #at = new Map<number, Versions>();

  constructor(rig: WatchRig) {
    this.#rig = rig;
    this.note();
  }

  note(): void {
    const versions: Versions = new Map();
    for (let at = 0; at < KEYS; at++) {
      const row = this.#rig.rig.store.get(SHARD, SECTION.values, bytesOf(keyAt(at)));
      if (row !== undefined) versions.set(keyAt(at), decodeRow(row)?.version ?? 0);
    }
    this.#at.set(this.#rig.replica.applied, versions);
  }

  /** Behind the last noted entry up to this index. */
  behind(index: number): Versions {
    let known = index;
    while (!this.#at.has(known)) known -= 1;
    return this.#at.get(known) as Versions;
  }
}

class Watcher {
  readonly #rig: WatchRig;
  readonly #truth: Truth;
  readonly #random: Random;
  readonly #range: readonly [from: string, to: string];
  readonly #share: Flow;
  #handle: StreamHandle | undefined;
  #start: StreamStart | undefined;
  #copy: Versions = new Map();
  #parts: KeyChange[] = [];
  #isOpen = false;
  #sequence = 0;
  #life = 0;
  readonly counts = { gone: 0, messages: 0, pages: 0 };

  constructor(rig: WatchRig, truth: Truth, random: Random) {
    this.#rig = rig;
    this.#truth = truth;
    this.#random = random;
    this.#range = random.pick(RANGES);
    this.#share = new Flow({ client: 1, mayGoOn: () => random.chance(0.9) });
    this.open();
  }

  get position(): number {
    return this.#start?.position.index ?? 0;
  }

  get isComplete(): boolean {
    return this.#start !== undefined && this.#start.cursor === undefined;
  }

  open(): void {
    if (this.#isOpen) this.#handle?.cancel();
    this.#isOpen = true;
    this.#sequence = 0;
    this.#parts = [];
    this.#life += 1;
    const life = this.#life;
    const respond = (response: Response) => {
      equal(life, this.#life, 'a cancelled stream is told nothing');
      this.#take(response);
    };
    const [from, to] = this.#range;
    const credit = 1 + this.#random.below(200);
    this.#handle = this.#rig.replica.watch(
      { responder: { respond, share: this.#share }, id: 7 },
      {
        ...{ from: bytesOf(from), to: bytesOf(to), start: this.#start },
        ...{ atLeast: 0, keysOnly: this.#random.chance(0.5), credit },
      },
    );
  }

  act(): void {
    const random = this.#random;
    if (!this.#isOpen || random.chance(0.05)) return this.open();
    if (random.chance(0.6)) this.#handle?.grant(1 + random.below(300));
    if (random.chance(0.1)) this.#handle?.reach(this.#rig.replica.applied + random.below(3));
  }

  finish(): void {
    if (!this.#isOpen) this.open();
    this.#handle?.grant(100_000);
    this.#handle?.reach(this.#rig.replica.applied);
  }

  #take(response: Response): void {
    if (response.type === 'failed') {
      ok(['history-gone', 'not-recording'].includes(response.failure), response.failure);
      this.counts.gone += 1;
      this.#isOpen = false;
      this.#start = undefined;
      this.#copy = new Map();
      return;
    }
    ok(response.type === 'changes');
    this.#follow(response);
  }

  #follow({ sequence, kind, after, through, throughTerm, block, cursor }: Changes): void {
    this.counts.messages += 1;
    this.#sequence += 1;
    equal(sequence, this.#sequence, 'messages are counted');
    equal(after, this.position, 'a message continues where the watcher is');
    ok(through <= this.#rig.replica.applied, 'only what is applied is told');
    this.#parts.push(...(decodeChanges(block) ?? []));
    if (kind === 'changes' && after === through) return;
    for (const change of this.#parts) this.#apply(change, kind !== 'changes');
    this.#parts = [];
    const position = { index: through, term: throughTerm };
    const open = this.#start === undefined ? bytesOf(this.#range[0]) : this.#start.cursor;
    if (kind === 'rows') this.#start = { position, cursor };
    else if (kind === 'rows-end') this.#start = { position, cursor: undefined };
    else this.#start = { position, cursor: open };
    if (kind.startsWith('rows')) this.counts.pages += 1;
    this.compare();
  }

  #apply({ kind, key, previous, version }: KeyChange, isRow: boolean): void {
    const name = textOf(key);
    if (isRow) ok(!this.#copy.has(name), 'a row comes once');
    else equal(previous, this.#copy.get(name) ?? 0, `the version before a change of ${name}`);
    if (kind === 'set') this.#copy.set(name, version);
    else this.#copy.delete(name);
  }

  compare(): void {
    const [from, to] = this.#range;
    const cursor = this.#start?.cursor;
    const end = cursor && textOf(cursor);
    const expected = [...this.#truth.behind(this.position)].filter(([name]) => {
      return name >= from && (to === '' || name < to) && (end === undefined || name < end);
    });
    deepEqual([...this.#copy].sort(), expected.sort());
  }
}

function runSeed(seed: number) {
  const random = new Random(seed);
  // Small ones, so that changes are still on their way when a stream has its turn.
  const telling = { stepsMax: 1 + random.below(4), keysMax: 1 + random.below(4) };
  const rig = new WatchRig(random.chance(0.5) ? { telling } : {});
  const milliseconds = SHARD_LIMITS.recordMilliseconds;
  const truth = new Truth(rig);
  const apply = (work: () => void) => {
    work();
    truth.note();
  };
  apply(() => void rig.held.do({ type: 'record-changes', milliseconds }));
  const watchers = Array.from({ length: 6 }, (_, at) => {
    return new Watcher(rig, truth, random.fork(`${at}`));
  });
  let prepared = 0;
  const held: number[] = [];
  for (let step = 0; step < STEPS; step++) {
    const key = keyAt(random.below(KEYS));
    if (random.chance(0.02)) rig.rig.now += 2 * milliseconds;
    if (random.chance(0.1)) apply(() => void rig.held.do({ type: 'record-changes', milliseconds }));
    if (random.chance(0.2)) apply(() => void rig.held.write([put(key, 'x'.repeat(step))]));
    if (random.chance(0.2)) apply(() => void rig.held.write([remove(key)], [put(key, 'again')]));
    if (random.chance(0.1)) {
      prepared += 1;
      apply(() => void rig.held.prepare(prepared, put(key, 'part')));
      held.push(prepared);
    }
    if (held.length > 0 && random.chance(0.2)) {
      const age = held.shift() as number;
      apply(() => rig.held.resolve(age, random.chance(0.8)));
    }
    for (const watcher of watchers) if (random.chance(0.3)) watcher.act();
    if (random.chance(0.5)) rig.work();
  }
  apply(() => void rig.held.do({ type: 'record-changes', milliseconds }));
  for (let round = 0; round < 3; round++) {
    for (const watcher of watchers) watcher.finish();
    rig.settle();
  }
  for (const watcher of watchers) {
    equal(watcher.position, rig.replica.applied, 'a watcher reaches the end');
    ok(watcher.isComplete);
    watcher.compare();
  }
  return watchers.map(({ counts }) => counts);
}

test(`what ${SEEDS} replicas tell their watchers is what they have`, () => {
  const sums = { gone: 0, messages: 0, pages: 0 };
  for (let seed = 1; seed <= SEEDS; seed++) {
    for (const { gone, messages, pages } of runSeed(seed)) {
      sums.gone += gone;
      sums.messages += messages;
      sums.pages += pages;
    }
  }
  ok(
    sums.gone > SEEDS && sums.messages > 30 * SEEDS && sums.pages > 6 * SEEDS,
    JSON.stringify(sums),
  );
});
