/** One seed: clients, a cluster and faults, and what must be true of what the clients were told. */

import { equal, ok } from 'node:assert/strict';
import { Random } from '../../../src/base/random.ts';
import type { Replied, RowsRead, WriteCall } from '../../../src/client/core/call.ts';
import type { Failure } from '../../../src/client/core/settled.ts';
import type { Operation } from '../../../src/machine/command.ts';
import { decodeRow } from '../../../src/machine/row.ts';
import { arcOf } from '../../../src/ring/arc.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';
import { ClientHost, type Links } from './client-host.ts';
import { type Faults, ModelCluster } from './cluster.ts';
import { World } from './world.ts';

export interface Profile {
  readonly faults: Faults;
  readonly links: Links;
  /** Chances per step of 20 ms. */
  readonly leaderChange: number;
  readonly breakLink: number;
  readonly breakNode: number;
  readonly clockJump: number;
  readonly clockRates: readonly number[];
  /** Frames come again though their connection lives: then a refusal proves nothing. */
  readonly isOutcomeTrue: boolean;
}

interface Told {
  readonly call: WriteCall;
  readonly askedAt: number;
  results: (Replied | Failure)[];
  toldAt: number;
}

const NODES = 3;
const SHARDS = 4;
const KEYS = 24;
const STEPS = 400;
const STEP = 20;

/** What the clients were told, after everything that can still happen has happened. */
export function runSeed(profile: Profile, seed: number): readonly string[] {
  const trial = new Trial(profile, seed);
  trial.act();
  trial.judge();
  return trial.told;
}

class Trial {
  readonly #profile: Profile;
  readonly #random: Random;
  readonly #world = new World();
  readonly #cluster: ModelCluster;
  readonly #hosts: readonly ClientHost[];
  /** How often each call took effect, by its number. */
  readonly #effects = new Map<number, number>();
  readonly #calls: Told[] = [];
  #readsLeft = 0;

  constructor(profile: Profile, seed: number) {
    this.#profile = profile;
    const random = new Random(seed);
    this.#random = random;
    const world = this.#world;
    const cluster = new ModelCluster({
      nodes: NODES,
      shards: SHARDS,
      world,
      random: random.fork('cluster'),
      faults: profile.faults,
      onEffect: ({ value }) => {
        if (value === undefined) return;
        const number = Buffer.from(value).readUInt32BE(value.length - 4);
        this.#effects.set(number, (this.#effects.get(number) ?? 0) + 1);
      },
    });
    this.#cluster = cluster;
    this.#hosts = CLIENTS.map((client, at) => {
      return new ClientHost({
        world,
        random: random.fork(`host ${at}`),
        cluster,
        links: profile.links,
        client,
        clockRate: random.pick(profile.clockRates),
        balance: random.pick(['round-robin', 'weighted', 'least-loaded'] as const),
      });
    });
  }

  get told(): readonly string[] {
    return this.#calls.map(({ results }) => nameOf(results[0]));
  }

  act(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#world.after(step * STEP, () => {
        this.#cluster.pass(STEP);
        this.#ask();
        this.#disturb();
      });
    }
    // Copies come for a minute after the last call, and the time of the shards goes on.
    for (let step = STEPS; step < STEPS + 6000; step += 10) {
      this.#world.after(step * STEP, () => {
        this.#cluster.pass(10 * STEP);
        for (const shard of this.#cluster.shards) shard.forget(CLIENTS);
      });
    }
    this.#world.runUntil((STEPS + 6500) * STEP);
  }

  judge(): void {
    for (const [number, { call, askedAt, results, toldAt }] of this.#calls.entries()) {
      equal(results.length, 1, `call ${number} was told ${results.length} times`);
      const times = this.#effects.get(number) ?? 0;
      ok(times <= 1, `call ${number} took effect ${times} times`);
      const wait = toldAt - askedAt;
      const { clockRates, isOutcomeTrue } = this.#profile;
      const allowed = call.timeoutMilliseconds / Math.min(...clockRates) + 3 * STEP;
      ok(wait <= allowed, `call ${number} waited ${wait} of ${call.timeoutMilliseconds}`);
      const [result] = results as [Replied | Failure];
      const told = `call ${number} was told ${nameOf(result)}`;
      if (result.type === 'replied') equal(times, result.reply.type === 'done' ? 1 : 0, told);
      else if (result.outcome === 'notApplied' && isOutcomeTrue) equal(times, 0, told);
    }
    equal(this.#readsLeft, 0, 'every read was told');
    for (const { core } of this.#hosts) equal(core.isBusy, false, 'nothing is waited for any more');
  }

  #ask(): void {
    const host = this.#random.pick(this.#hosts);
    for (let count = this.#random.below(6); count > 0; count--) this.#write(host);
    if (this.#random.chance(0.3)) this.#read(host);
  }

  #disturb(): void {
    const random = this.#random;
    const profile = this.#profile;
    if (random.chance(profile.leaderChange)) this.#cluster.changeLeader(random.between(1, SHARDS));
    if (random.chance(profile.breakLink)) random.pick(this.#hosts).breakLink();
    const node = random.between(1, NODES);
    if (random.chance(profile.breakNode)) for (const host of this.#hosts) host.breakNode(node);
    if (random.chance(profile.clockJump)) random.pick(this.#hosts).jump(random.between(1, 20_000));
    if (random.chance(0.01)) this.#cluster.changeMap();
    if (random.chance(0.2)) random.pick(this.#cluster.shards).forget(CLIENTS);
  }

  /** Its number is the end of what it writes: so every effect names its cause. */
  #write(host: ClientHost): void {
    const random = this.#random;
    const number = Buffer.alloc(4);
    number.writeUInt32BE(this.#calls.length);
    const key = Buffer.from(`key-${random.below(KEYS)}`);
    const write: Operation = random.chance(0.7)
      ? { type: 'put', key, value: number, lifeMilliseconds: 0 }
      : { type: 'append', key, value: number };
    const check: Operation = { type: 'check-version', key, version: 0 };
    const told: Told = {
      call: {
        type: 'write',
        command: random.chance(0.2) ? [check, write] : [write],
        timeoutMilliseconds: random.pick([30, 300, 2000, 10_000]),
        settle: (result) => {
          told.results.push(result);
          told.toldAt = this.#world.now;
        },
      },
      askedAt: this.#world.now,
      results: [],
      toldAt: 0,
    };
    this.#calls.push(told);
    host.call(told.call);
    if (random.chance(0.05)) this.#world.after(random.below(200), () => host.abort(told.call));
  }

  #read(host: ClientHost): void {
    const keys = Array.from({ length: this.#random.between(1, 6) }, () =>
      Buffer.from(`key-${this.#random.below(KEYS)}`),
    );
    const before = keys.map((key) => this.#versionOf(key));
    this.#readsLeft += 1;
    host.call({
      type: 'read',
      keys,
      level: this.#random.chance(0.5) ? LINEARIZABLE : STALE,
      timeoutMilliseconds: 5000,
      settle: (result: RowsRead | Failure) => {
        this.#readsLeft -= 1;
        if (result.type === 'failed') return equal(result.outcome, 'notApplied');
        for (const [at, row] of result.rows.entries()) {
          const version = row?.version ?? 0;
          ok(version <= this.#versionOf(keys[at] as Buffer), 'a row of the future');
          ok(version >= (before[at] as number), 'a row that was gone before it was asked for');
        }
      },
    });
  }

  #versionOf(key: Uint8Array): number {
    const row = this.#cluster.shards[arcOf(keyPosition(key), SHARDS)]?.row(key);
    return row === undefined ? 0 : (decodeRow(row)?.version ?? 0);
  }
}

const LINEARIZABLE = { type: 'linearizable' } as const;
const STALE = { type: 'stale', ageMilliseconds: 1000 } as const;
const CLIENTS = [1, 2].map((client) => new Uint8Array(16).fill(client));

function nameOf(result: Replied | Failure | undefined): string {
  if (result === undefined) return 'nothing';
  if (result.type === 'replied') return result.reply.type;
  return `${result.code}, ${result.outcome}`;
}
