/**
 * Watches of all kinds: of one key, of a prefix, of everything; fresh, resumed by tokens that
 * others have left, with slow consumers and small buffers. Everything that they were given is
 * judged by the twelve rules of `checkers/watch.ts`.
 */

import type { ShardId } from '../../src/base/ids.ts';
import { CATALOG_SHARD } from '../../src/catalog/cluster-map.ts';
import type { Operation } from '../../src/machine/command.ts';
import { isWrite } from '../../src/machine/operation-codec.ts';
import { checkWatches } from '../checkers/watch.ts';
import type { Acknowledged, Floor, TrueEntry, WatchWorld } from '../checkers/watch-history.ts';
import type { Computer } from './computer.ts';
import { bytesOf, type Customer, textOf, type WriteRecord } from './customer.ts';
import { changesOf } from './entry-effects.ts';
import type { Truth } from './truth.ts';
import { type SavedToken, Watcher, type WatcherRange } from './watcher.ts';
import { inTurn, type Workload } from './workload.ts';

const KEYS = 12;
const WATCHERS_MAX = 3;
const TOKENS_MAX = 20;
const PACES = [5, 50, 400, 4000];
const SYNC_MILLISECONDS = 20_000;
/** How often floors are looked at while something is watched. */
const FLOORS_MILLISECONDS = 20;

/** One key, some, those of transactions, and everything. */
const RANGES: readonly WatcherRange[] = [
  { from: 'seen-3', to: 'seen-3\0' },
  { from: 'seen-', to: 'seen-~' },
  { from: 'seen-', to: 'seen-~' },
  { from: 'seen-2', to: 'seen-7' },
  { from: 'account', to: 'ring~' },
  { from: 'held-', to: 'service-~' },
  { from: '', to: undefined },
];

interface WatchersOptions {
  readonly shards: number;
  readonly computers: () => readonly Computer[];
  readonly writes: readonly WriteRecord[];
}

export class Watchers implements Workload {
  readonly #options: WatchersOptions;
  readonly #watchers: { readonly customer: Customer; readonly watcher: Watcher }[] = [];
  readonly #tokens: SavedToken[] = [];
  readonly #floors: Floor[] = [];
  readonly #highest = new Map<ShardId, number>();
  readonly #broken: string[] = [];
  #values = 0;

  constructor(options: WatchersOptions) {
    this.#options = options;
  }

  step(customer: Customer, done: () => void): void {
    const { random } = customer;
    this.#noteFloors(customer.now);
    const own = this.#watchersOf(customer);
    const dice = random.fraction();
    if (dice < 0.1 && own.length < WATCHERS_MAX) {
      this.#open(customer);
      return done();
    }
    const watcher = own.length > 0 ? random.pick(own) : undefined;
    if (dice < 0.13) watcher?.end();
    else if (dice < 0.2 && watcher?.token !== undefined) {
      this.#tokens.push(watcher.token);
      if (this.#tokens.length > TOKENS_MAX) this.#tokens.shift();
    } else if (dice < 0.25) {
      watcher?.sync(SYNC_MILLISECONDS, (isDone) => customer.hit(`sync ${isDone}`));
    } else return this.#write(customer, done);
    done();
  }

  /** Each watch that is open is told everything, and ends. */
  finish(customer: Customer, done: () => void): void {
    const open = this.#watchers.filter(({ watcher }) => !watcher.isOver);
    const each = ({ watcher }: (typeof open)[number], next: () => void) => {
      if (watcher.isOver) return next();
      watcher.hurry();
      watcher.sync(SYNC_MILLISECONDS, (isDone) => {
        if (!isDone && !watcher.isOver) this.#broken.push(`${watcher.history.name} is silent`);
        customer.after(0, () => {
          watcher.end();
          next();
        });
      });
    };
    inTurn(open, each, done);
  }

  judge(truth: Truth): void {
    const [broken] = this.#broken;
    if (broken !== undefined) truth.fail('watch silent', broken);
    const world = this.#worldOf(truth);
    for (const { watcher } of this.#watchers) {
      const [found] = checkWatches(world, [watcher.history]);
      if (found !== undefined) truth.fail(`watch ${found.rule}`, `${found.watch}: ${found.text}`);
    }
  }

  #watchersOf(customer: Customer): readonly Watcher[] {
    return this.#watchers
      .filter((one) => one.customer === customer && !one.watcher.isOver)
      .map(({ watcher }) => watcher);
  }

  #open(customer: Customer): void {
    const { random } = customer;
    const isResumed = this.#tokens.length > 0 && random.chance(0.4);
    const saved = isResumed ? random.pick(this.#tokens) : undefined;
    const start = saved ?? random.pick(['initial', 'initial', 'now'] as const);
    customer.hit(`watch ${typeof start === 'string' ? start : 'resumed'}`);
    // Equal watches of one customer share streams.
    const [other] = this.#watchersOf(customer);
    const isEqual = other !== undefined && random.chance(0.4);
    const range = isEqual ? other.range : random.pick(RANGES);
    const watcher = new Watcher({
      customer,
      range: saved?.range ?? range,
      start,
      shards: this.#options.shards,
      pace: random.pick(PACES),
      takes: random.pick([1, 5, 100]),
      onCompacted: () => this.#noteFloors(customer.now),
    });
    this.#watchers.push({ customer, watcher });
    this.#followFloors(customer, watcher);
  }

  /** Also those of replicas that end between two steps. */
  #followFloors(customer: Customer, watcher: Watcher): void {
    customer.after(FLOORS_MILLISECONDS, () => {
      if (watcher.isOver) return;
      this.#noteFloors(customer.now);
      this.#followFloors(customer, watcher);
    });
  }

  #write(customer: Customer, done: () => void): void {
    const { random } = customer;
    const keys = random.shuffle(Array.from({ length: KEYS }, (_, at) => `seen-${at}`));
    const command = keys
      .slice(0, random.pick([1, 1, 1, 2, 4]))
      .map((key) => this.#draw(customer, key));
    customer.write(command, () => done());
  }

  #draw({ random }: Customer, name: string): Operation {
    this.#values += 1;
    const about = { key: bytesOf(name), lifeMilliseconds: random.pick([0, 0, 0, 500, 3000]) };
    const dice = random.fraction();
    if (dice < 0.15) return { type: 'delete', key: about.key };
    if (dice < 0.2) return { type: 'touch', ...about };
    const value = bytesOf(`seen ${this.#values}${'.'.repeat(random.pick([0, 0, 50, 800]))}`);
    return { type: 'set', ...about, value };
  }

  /** How far histories of replicas have been cut, as far as they are there now. */
  #noteFloors(at: number): void {
    for (const { core } of this.#options.computers()) {
      for (const { shard, history } of core?.state.replicas.all ?? []) {
        const { index } = history.floor;
        if (index <= (this.#highest.get(shard) ?? 0)) continue;
        this.#highest.set(shard, index);
        this.#floors.push({ shard, index, at });
      }
    }
  }

  #worldOf(truth: Truth): WatchWorld {
    const shards = new Map<number, TrueEntry[]>();
    const acknowledged: Acknowledged[] = [];
    /** By key and version: the entry that showed it. */
    const shown = new Map<string, number>();
    for (let shard = 1; shard <= this.#options.shards; shard++) shards.set(shard, []);
    for (const effect of truth.effects) {
      const { shard, index, at, released } = effect;
      if (shard === CATALOG_SHARD) continue;
      const changes = changesOf(effect);
      if (changes.length > 0) shards.get(shard)?.push({ index, changes });
      for (const { key, version } of changes) {
        acknowledged.push({ key, index, at });
        const part = released.find(({ part: { operations } }) =>
          operations.some((one) => textOf(one.key) === key),
        );
        shown.set(`${key} ${version ?? part?.part.version ?? index}`, index);
      }
    }
    for (const { command, end, reply } of this.#options.writes) {
      if (reply?.type !== 'done') continue;
      command.forEach((operation, place) => {
        const key = textOf(operation.key);
        const index = shown.get(`${key} ${reply.versions?.[place] ?? reply.version}`);
        if (isWrite(operation) && index !== undefined) acknowledged.push({ key, index, at: end });
      });
    }
    return {
      shards,
      shardOf: (key) => truth.shardOf(bytesOf(key)),
      termOf: (shard, index) => truth.termOf(shard as ShardId, index),
      acknowledged,
      floors: this.#floors,
    };
  }
}
