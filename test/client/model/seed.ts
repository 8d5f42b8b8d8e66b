/** One seed: clients, a cluster and faults, and the checks of what the clients were answered. */

import { equal, ok } from 'node:assert/strict';
import { Random } from '../../../src/base/random.ts';
import type {
  GaveWay,
  ReadCall,
  Replied,
  RowsRead,
  Writing,
} from '../../../src/client/core/call.ts';
import type { CallFailure } from '../../../src/client/core/call-failure.ts';
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
  /** Frames are repeated although their connection lives: then a refusal proves nothing. */
  readonly isOutcomeTrue: boolean;
}

interface Told {
  readonly call: Writing;
  readonly askedAt: number;
  results: (Replied | GaveWay | CallFailure)[];
  toldAt: number;
}

const NODES = 3;
const SHARDS = 4;
const KEYS = 24;
const TWINS = 8;
const STEPS = 400;
const STEP = 20;

/** The answers to the clients, checked after all that can still happen has happened. */
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
  /** The versions of what each call wrote, by its number and by key. */
  readonly #effects = new Map<number, Map<string, number[]>>();
  readonly #calls: Told[] = [];
  #readsLeft = 0;
  #reads = 0;

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
      onEffect: ({ key, value, version }) => {
        if (value === undefined) return;
        const number = Buffer.from(value).readUInt32BE(value.length - 4);
        const effects = this.#effects.get(number) ?? new Map<string, number[]>();
        this.#effects.set(number, effects);
        effects.set(textOf(key), [...(effects.get(textOf(key)) ?? []), version]);
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
    const reads = new Array<string>(this.#reads).fill('read');
    return [
      ...this.#calls.map(({ call, results }) => `${kindOf(call)}${nameOf(results[0])}`),
      ...reads,
    ];
  }

  act(): void {
    for (let step = 0; step < STEPS; step++) {
      this.#world.after(step * STEP, () => {
        this.#cluster.pass(STEP);
        this.#ask();
        this.#disturb();
      });
    }
    // Copies arrive for a minute after the last call, and log time goes on.
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
      const times = this.#timesOf(number, call);
      const wait = toldAt - askedAt;
      const { clockRates, isOutcomeTrue } = this.#profile;
      const allowed = call.timeoutMilliseconds / Math.min(...clockRates) + 3 * STEP;
      ok(wait <= allowed, `call ${number} waited ${wait} of ${call.timeoutMilliseconds}`);
      const [result] = results as [Replied | GaveWay | CallFailure];
      const told = `call ${number} was told ${nameOf(result)}`;
      if (result.type === 'gave-way') equal(times, 0, told);
      else if (result.type === 'replied') {
        equal(times, result.reply.type === 'done' ? 1 : 0, told);
        this.#judgeVersions(number, call, result);
      } else if (result.outcome === 'notApplied' && isOutcomeTrue) equal(times, 0, told);
    }
    equal(this.#readsLeft, 0, 'every read was told');
    for (const { isFree } of this.#cluster.shards) ok(isFree, 'no transaction is left behind');
    for (const { core } of this.#hosts) equal(core.isBusy, false, 'nothing is waited for any more');
  }

  /** All of its keys were written once, or none was. */
  #timesOf(number: number, { command }: Writing): number {
    const effects = this.#effects.get(number) ?? new Map<string, number[]>();
    const keys = command.filter(({ type }) => !type.startsWith('check')).map(({ key }) => key);
    const times = keys.map((key) => effects.get(textOf(key))?.length ?? 0);
    const [first = 0] = times;
    ok(
      times.every((time) => time === first),
      `call ${number} took effect in part: ${times}`,
    );
    ok(first <= 1, `call ${number} took effect ${first} times`);
    return first;
  }

  #judgeVersions(number: number, { command }: Writing, { reply }: Replied): void {
    if (reply.type !== 'done') return;
    for (const [position, { key, type }] of command.entries()) {
      if (type.startsWith('check')) continue;
      const [version] = this.#effects.get(number)?.get(textOf(key)) ?? [];
      equal(reply.versions?.[position] ?? reply.version, version, `a version of call ${number}`);
    }
  }

  #ask(): void {
    const random = this.#random;
    const host = random.pick(this.#hosts);
    for (let count = random.below(6); count > 0; count--) {
      this.#write(host, random.chance(0.8) ? 1 : random.between(2, 4));
    }
    if (random.chance(0.2)) this.#writeTwins(host);
    if (random.chance(0.3)) this.#read(host);
    if (random.chance(0.3)) this.#readTwins(host);
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

  /** Its value ends with its number, so every effect names its cause. */
  #write(host: ClientHost, count: number): void {
    const random = this.#random;
    const keys = new Set(Array.from({ length: count }, () => `key-${random.below(KEYS)}`));
    const command = [...keys].flatMap((text): Operation[] => {
      const key = Buffer.from(text);
      const value = this.#number;
      const write: Operation = random.chance(0.7)
        ? { type: 'set', key, value, lifeMilliseconds: 0 }
        : { type: 'append', key, value, lifeMilliseconds: 0 };
      const check: Operation = { type: 'check-version', key, version: 0 };
      return random.chance(0.2 / count) ? [check, write] : [write];
    });
    this.#call(host, command);
  }

  /** Two keys that are always written together: a reader of both finds them equal. */
  #writeTwins(host: ClientHost): void {
    const value = this.#number;
    const command = twins(this.#random.below(TWINS)).map((key): Operation => {
      return { type: 'set', key, value, lifeMilliseconds: 0 };
    });
    this.#call(host, command);
  }

  get #number(): Buffer {
    const number = Buffer.alloc(4);
    number.writeUInt32BE(this.#calls.length);
    return number;
  }

  #call(host: ClientHost, command: readonly Operation[]): void {
    const random = this.#random;
    const settle = (result: Replied | GaveWay | CallFailure): void => {
      told.results.push(result);
      told.toldAt = this.#world.now;
    };
    const timeoutMilliseconds = random.pick([30, 300, 2000, 10_000]);
    const about = { command, timeoutMilliseconds, settle };
    const told: Told = {
      call: random.chance(0.8)
        ? { type: 'write', ...about }
        : {
            type: 'commit',
            ranges: [],
            moments: new Map(),
            priority: { attempts: 0, age: undefined },
            ...about,
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
    const random = this.#random;
    const keys = Array.from({ length: random.between(1, 6) }, () =>
      Buffer.from(`key-${random.below(KEYS)}`),
    );
    const before = keys.map((key) => this.#versionOf(key));
    const level = random.chance(0.5) ? LINEARIZABLE : STALE;
    this.#askFor(host, { keys, level, isJoint: level === LINEARIZABLE }, (rows) => {
      for (const [at, row] of rows.entries()) {
        const version = row?.version ?? 0;
        ok(version <= this.#versionOf(keys[at] as Buffer), 'a row of the future');
        ok(version >= (before[at] as number), 'a row that was gone before it was asked for');
      }
    });
  }

  #readTwins(host: ClientHost): void {
    const keys = twins(this.#random.below(TWINS));
    this.#askFor(host, { keys, level: LINEARIZABLE, isJoint: true }, (rows) => {
      const [one, other] = rows.map((row) => row && textOf(row.value));
      equal(one, other, 'twins are alike');
    });
  }

  #askFor(
    host: ClientHost,
    question: Pick<ReadCall, 'keys' | 'level' | 'isJoint'>,
    judge: (rows: RowsRead['rows']) => void,
  ): void {
    this.#readsLeft += 1;
    host.call({
      type: 'read',
      ...question,
      timeoutMilliseconds: 5000,
      settle: (result: RowsRead | CallFailure) => {
        this.#readsLeft -= 1;
        if (result.type === 'failed') return equal(result.outcome, 'notApplied');
        this.#reads += 1;
        judge(result.rows);
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

function twins(number: number): readonly Uint8Array[] {
  return [Buffer.from(`twin-${number}-a`), Buffer.from(`twin-${number}-b`)];
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

/** Whether it needs several shards. */
function kindOf({ command }: Writing): string {
  const shards = new Set(command.map(({ key }) => arcOf(keyPosition(key), SHARDS)));
  return shards.size > 1 ? 'together ' : '';
}

function nameOf(result: Replied | GaveWay | CallFailure | undefined): string {
  if (result === undefined) return 'nothing';
  if (result.type === 'gave-way') return 'gave-way';
  if (result.type === 'replied') return result.reply.type;
  return `${result.code}, ${result.outcome}`;
}
