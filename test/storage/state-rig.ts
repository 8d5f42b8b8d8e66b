/** A state store on either disk, driven by hand: one turn is one slice of work and one report. */

import assert from 'node:assert/strict';
import { mkdtempSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { setImmediate as nextTurn } from 'node:timers/promises';
import type { ShardId } from '../../src/base/ids.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import type { SnapshotDescription } from '../../src/raft/message.ts';
import type { SnapshotInstall } from '../../src/storage/snapshot/snapshot-install.ts';
import { InMemoryState } from '../../src/storage/state/in-memory-state.ts';
import { openLevelState } from '../../src/storage/state/level-state.ts';
import {
  StateDamage,
  type StateRange,
  type StateRow,
  type StateView,
  type StateWrite,
} from '../../src/storage/state/state.ts';
import type { StateDisk } from '../../src/storage/state/state-disk.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import { MemoryState, type StateEffect } from '../support/twins/memory-state.ts';

export const SHARD = 7 as ShardId;
export const IDENTITY = Uint8Array.of(1, 2, 3);

/** Where rows are stored, and how time passes there. */
export interface Medium {
  readonly name: string;
  open(onFault: (cause: unknown) => void): Promise<StateDisk>;
  /** Lets one report arrive, if there is one. */
  turn(): Promise<void>;
  /** The duration of a turn of the store. */
  elapsedMilliseconds(): number;
  dispose(): void;
}

export class LevelMedium implements Medium {
  readonly name = 'LevelDB';
  #folder: string | undefined;
  #turnedAt = performance.now();

  constructor(folder?: string) {
    this.#folder = folder;
  }

  /** Created on first use. */
  get folder(): string {
    this.#folder ??= mkdtempSync(join(tmpdir(), 'ringkv-state-'));
    return this.#folder;
  }

  open(onFault: (cause: unknown) => void): Promise<StateDisk> {
    return openLevelState({ folder: this.folder, onFault, onDamage: onFault });
  }

  async turn(): Promise<void> {
    await nextTurn();
  }

  /** A slow disk takes many turns to answer, but none of the store's timeouts may pass for that. */
  elapsedMilliseconds(): number {
    const before = this.#turnedAt;
    this.#turnedAt = performance.now();
    return Math.min(1, this.#turnedAt - before);
  }

  dispose(): void {
    if (this.#folder !== undefined) rmSync(this.#folder, { recursive: true, force: true });
  }
}

export class MemoryMedium implements Medium {
  readonly name = 'the twin';
  readonly #reports: (() => void)[] = [];
  readonly state: MemoryState;

  constructor(onEffect: (effect: StateEffect) => void = () => {}) {
    const schedule = (report: () => void) => this.#reports.push(report);
    this.state = new MemoryState({ schedule, onEffect });
  }

  async open(onFault: (cause: unknown) => void): Promise<StateDisk> {
    this.state.onFault = onFault;
    return this.state.open();
  }

  /** The same within the call, for tests that model crashes. */
  openNow(): StateDisk {
    return this.state.open();
  }

  turnNow(): void {
    this.#reports.shift()?.();
  }

  async turn(): Promise<void> {
    this.turnNow();
  }

  elapsedMilliseconds(): number {
    return 1;
  }

  dispose(): void {}
}

/** The product's own disk in memory. */
class InMemoryMedium implements Medium {
  readonly name = 'memory';
  readonly #reports: (() => void)[] = [];
  readonly #state = new InMemoryState((report) => this.#reports.push(report));

  async open(): Promise<StateDisk> {
    return this.#state.open();
  }

  async turn(): Promise<void> {
    this.#reports.shift()?.();
  }

  elapsedMilliseconds(): number {
    return 1;
  }

  dispose(): void {}
}

/** Those in which a test can damage a row. */
export const DAMAGEABLE_MEDIA = [() => new LevelMedium(), () => new MemoryMedium()] as const;
export const MEDIA = [...DAMAGEABLE_MEDIA, () => new InMemoryMedium()] as const;

export class StateRig {
  readonly medium: Medium;
  readonly damages: StateDamage[] = [];
  readonly faults: unknown[] = [];
  /** The index of the last checkpoint reported, by shard. */
  readonly reported = new Map<ShardId, number>();
  /** What the log may forget, by shard. */
  readonly forgettable = new Map<ShardId, number>();
  readonly durable = new Map<ShardId, number>();
  now = 0;
  #store: StateStore | undefined;

  constructor(medium: Medium) {
    this.medium = medium;
  }

  get store(): StateStore {
    assert.ok(this.#store, 'the rig is open');
    return this.#store;
  }

  async open(): Promise<StateStore> {
    return this.openOn(await this.medium.open((cause) => this.faults.push(cause)));
  }

  openOn(disk: StateDisk): StateStore {
    this.#store = new StateStore({
      disk,
      identity: IDENTITY,
      durableIndex: (shard) => this.durable.get(shard) ?? Number.POSITIVE_INFINITY,
      onProgress: () => {},
      onBatch: ({ written, forgettable }) => {
        for (const { shard, description } of written) this.reported.set(shard, description.index);
        for (const { shard, description } of forgettable) {
          this.forgettable.set(shard, description.index);
        }
      },
      onDamage: (damage) => this.damages.push(damage),
    });
    return this.#store;
  }

  create(shard: ShardId = SHARD): void {
    this.store.create(shard, NO_CONFIGURATION);
  }

  /** The next entry of a shard. */
  apply(writes: readonly StateWrite[], shard: ShardId = SHARD): number {
    const index = this.store.description(shard).index + 1;
    const position = { index, term: 1 };
    this.store.apply(shard, { position, configuration: undefined, writes });
    return index;
  }

  async turn(): Promise<void> {
    this.now += this.medium.elapsedMilliseconds();
    if (this.store.work(this.now) === 'later') await this.medium.turn();
  }

  async until(isDone: () => boolean, what = 'it'): Promise<void> {
    const deadline = Date.now() + 20_000;
    while (!isDone()) {
      await this.turn();
      assert.ok(Date.now() < deadline, `${what} did not happen`);
    }
  }

  async checkpoint(): Promise<void> {
    this.store.checkpoint();
    await this.until(() => this.store.isIdle, 'a checkpoint');
  }

  /** As after a kill: memtables are lost, durable rows are not. */
  async reopen(): Promise<StateStore> {
    await this.close();
    return this.open();
  }

  async close(): Promise<void> {
    let isClosed = false;
    this.store.close(() => {
      isClosed = true;
    });
    while (!isClosed) await this.medium.turn();
    this.#store = undefined;
  }

  async scan(view: StateView, range: Partial<StateRange> = {}): Promise<StateRow[]> {
    const whole = { section: 0, from: undefined, to: undefined, isReverse: false, ...range };
    const cursor = view.cursor(whole);
    const rows: StateRow[] = [];
    for (;;) {
      let answer: readonly StateRow[] | StateDamage | undefined;
      cursor.next({ rowsMax: 7, bytesMax: 4096 }, (read) => {
        answer = read;
      });
      while (answer === undefined) await this.medium.turn();
      if (answer instanceof StateDamage) throw answer;
      if (answer.length === 0) break;
      rows.push(...answer);
    }
    cursor.close();
    return rows;
  }

  async scanNow(range: Partial<StateRange> = {}, shard: ShardId = SHARD): Promise<StateRow[]> {
    const view = this.store.view(shard);
    const rows = await this.scan(view, range);
    view.close();
    return rows;
  }

  /** The whole stream of the newest snapshot. */
  async exportAll(shard: ShardId = SHARD, bytesMax = 1000): Promise<Exported> {
    const reader = this.store.snapshots(shard);
    const description = reader.open(0);
    assert.ok(description && description !== 'later', 'there is a snapshot');
    const chunks: Uint8Array[] = [];
    let offset = 0;
    for (;;) {
      const piece = reader.read({ index: description.index, offset, bytesMax });
      assert.notEqual(piece, 'gone');
      if (piece === 'gone') break;
      if (piece === 'later') {
        await this.medium.turn();
        continue;
      }
      chunks.push(piece.data);
      offset += piece.data.length;
      if (piece.isLast) break;
    }
    reader.release(description.index);
    return { description, bytes: new Uint8Array(Buffer.concat(chunks)) };
  }

  /** Feeds a stream until it is sound, and switches to it. */
  async installAll({ description, bytes }: Exported, shard: ShardId = SHARD): Promise<void> {
    const install = this.store.install(shard, description);
    await this.feed(install, bytes);
    assert.equal(install.status, 'sound');
    let isSwitched = false;
    this.store.switchTo(install, () => {
      isSwitched = true;
    });
    await this.until(() => isSwitched, 'a switch');
  }

  async feed(install: SnapshotInstall, bytes: Uint8Array, piece = 777): Promise<void> {
    while (install.offset < bytes.length && install.status === 'coming') {
      install.take(bytes.subarray(install.offset, install.offset + piece));
      await this.turn();
    }
    await this.until(() => install.status !== 'coming' || this.store.isIdle, 'writing it');
  }
}

export interface Exported {
  readonly description: SnapshotDescription;
  readonly bytes: Uint8Array;
}

export function bytesOf(text: string): Uint8Array {
  return new TextEncoder().encode(text);
}

export function put(key: string, value: string, section = 0): StateWrite {
  return { section, key: bytesOf(key), value: bytesOf(value) };
}

export function remove(key: string, section = 0): StateWrite {
  return { section, key: bytesOf(key), value: undefined };
}

export function textOf(bytes: Uint8Array | undefined): string | undefined {
  return bytes === undefined ? undefined : new TextDecoder().decode(bytes);
}

export function pairs(rows: readonly StateRow[]): string[] {
  return rows.map(({ key, value }) => `${textOf(key)}=${textOf(value)}`);
}
