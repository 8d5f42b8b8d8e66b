/**
 * How long recovery takes: a leader that is killed, or disconnected; all nodes without power; a
 * restart with many keys; a node that missed many writes.
 *
 *   node build/test/e2e/nemesis/bounds.js [--kills=50] [--keys=1000000] [--missed=100000]
 *     [--only=kill,cut,power,restart,catch-up]
 */

import { rmSync } from 'node:fs';
import { join } from 'node:path';
import { parseArgs } from 'node:util';
import { RAFT_LIMITS } from '../../../src/base/limits.ts';
import { Random } from '../../../src/base/random.ts';
import { type Client, connect } from '../../../src/index.ts';
import { pause } from './cluster.ts';
import { type Enclosed, runEnclosed } from './enclosure.ts';
import type { Host } from './host.ts';
import { keyIn } from './probe.ts';
import { Site } from './site.ts';

const { values } = parseArgs({
  options: {
    kills: { type: 'string', default: '50' },
    keys: { type: 'string', default: '1000000' },
    missed: { type: 'string', default: '100000' },
    only: { type: 'string', default: 'kill,cut,power,restart,catch-up' },
    enclosed: { type: 'string' },
  },
});

const NODES = 3;
const SHARDS = 16;
const VALUE = new Uint8Array(256).fill(118);
const AT_ONCE = 1000;
/** How often a write is tried after a fault; the first acknowledged one counts. */
const TRY_MILLISECONDS = 20;
const TIMEOUT_MILLISECONDS = 60_000;
const HEALTHY_MILLISECONDS = 300_000;
/** Before each fault, so that election timeouts are independent of the previous one. */
const CALM_MILLISECONDS = (2 * RAFT_LIMITS.delayWindowTicks + 50) * RAFT_LIMITS.tickMilliseconds;

interface Place {
  readonly site: Site;
  readonly kv: Client;
  readonly random: Random;
  readonly say: (text: string) => void;
}

interface Measure {
  readonly name: string;
  /** With the shim, without which there are no power failures. */
  readonly isShimmed: boolean;
  run(place: Place): Promise<void>;
}

/** From now to the first acknowledged write of the key. */
async function firstWrite(kv: Client, key: string): Promise<number> {
  const began = performance.now();
  return await new Promise((resolve, reject) => {
    const attempt = () => {
      kv.set(key, VALUE, { timeout: TIMEOUT_MILLISECONDS }).then(
        () => {
          clearInterval(timer);
          resolve(performance.now() - began);
        },
        (error) => {
          clearInterval(timer);
          reject(error);
        },
      );
    };
    const timer = setInterval(attempt, TRY_MILLISECONDS);
    attempt();
  });
}

/** A random shard, a key in it, and the node that leads it. */
async function drawLed({ site, random }: Place): Promise<{ key: string; host: Host }> {
  for (;;) {
    const arc = random.below(SHARDS);
    const host = await site.cluster.leaderOf(1 + arc);
    if (host !== undefined) return { key: keyIn(arc, SHARDS), host };
    await pause(100);
  }
}

async function untilHealthy({ site }: Place): Promise<void> {
  const obstacle = await site.cluster.untilHealthy(HEALTHY_MILLISECONDS);
  if (obstacle !== undefined) throw new Error(`not healthy: ${obstacle}`);
}

function figures(name: string, times: readonly number[]): string {
  const sorted = [...times].sort((one, other) => one - other);
  const at = (part: number) => sorted[Math.ceil(part * sorted.length) - 1] ?? 0;
  const text = [at(0.5), at(0.99), at(1)].map((time) => `${Math.round(time)} ms`).join(' | ');
  return `| ${name} | ${times.length} | ${text} |`;
}

async function repeat(place: Place, name: string, once: () => Promise<number>): Promise<void> {
  const times: number[] = [];
  for (let count = 0; count < Number(values.kills); count++) {
    await pause(CALM_MILLISECONDS);
    times.push(await once());
    await untilHealthy(place);
    console.error(`${name}: ${Math.round(times.at(-1) ?? 0)} ms`);
  }
  place.say(figures(name, times));
}

const KILL: Measure = {
  name: 'kill',
  isShimmed: false,
  run: (place) =>
    repeat(place, "first write after a leader's kill", async () => {
      const { key, host } = await drawLed(place);
      await host.kill();
      const time = await firstWrite(place.kv, key);
      host.start();
      return time;
    }),
};

const CUT: Measure = {
  name: 'cut',
  isShimmed: false,
  async run(place) {
    const { network, cluster } = place.site;
    if (network === undefined) return place.say('no cut: there is no network of our own');
    for (const direction of ['to', 'from'] as const) {
      await repeat(
        place,
        `first write after all links ${direction} the leader are cut`,
        async () => {
          const { key, host } = await drawLed(place);
          const others = cluster.hosts.filter((other) => other !== host);
          for (const { name } of others) {
            if (direction === 'to') network.set(name, host.name, { cut: true });
            else network.set(host.name, name, { cut: true });
          }
          const time = await firstWrite(place.kv, key);
          network.clear();
          return time;
        },
      );
    }
  },
};

const POWER: Measure = {
  name: 'power',
  isShimmed: true,
  run: (place) =>
    repeat(place, 'first write after power is back for all', async () => {
      const { key } = await drawLed(place);
      const { hosts } = place.site.cluster;
      await Promise.all(hosts.map((host) => host.failPower(place.random.fork(host.name))));
      for (const host of hosts) host.start();
      return await firstWrite(place.kv, key);
    }),
};

async function fill({ kv }: Place, from: number, count: number): Promise<void> {
  for (let at = from; at < from + count; at += AT_ONCE) {
    const size = Math.min(AT_ONCE, from + count - at);
    const writes = Array.from({ length: size }, (_, nth) => {
      return kv.set(`key-${at + nth}`, VALUE, { timeout: TIMEOUT_MILLISECONDS });
    });
    await Promise.all(writes);
  }
}

/** From the start of the process until it reports `is up`, and until the cluster is healthy. */
async function timeStart(place: Place, hosts: readonly Host[]): Promise<readonly [number, number]> {
  const began = performance.now();
  for (const host of hosts) host.start();
  const { cluster } = place.site;
  for (const host of hosts) {
    await cluster.until('it is up', HEALTHY_MILLISECONDS, async () => host.said.includes('is up'));
  }
  const up = performance.now() - began;
  await untilHealthy(place);
  return [up, performance.now() - began];
}

function told(name: string, [up, healthy]: readonly [number, number]): string {
  return `| ${name} | up after ${Math.round(up)} ms | healthy after ${Math.round(healthy)} ms |`;
}

const RESTART: Measure = {
  name: 'restart',
  isShimmed: false,
  async run(place) {
    const keys = Number(values.keys);
    await fill(place, 0, keys);
    const [host] = place.site.cluster.hosts as [Host];
    await host.kill('SIGTERM');
    place.say(told(`restart of a node with ${keys} keys`, await timeStart(place, [host])));
    await host.kill();
    place.say(told(`the same after kill -9`, await timeStart(place, [host])));
    const { hosts } = place.site.cluster;
    await Promise.all(hosts.map((each) => each.kill()));
    place.say(told('the same, all nodes after kill -9', await timeStart(place, hosts)));
  },
};

const CATCH_UP: Measure = {
  name: 'catch-up',
  isShimmed: false,
  async run(place) {
    const missed = Number(values.missed);
    const [, , host] = place.site.cluster.hosts as [Host, Host, Host];
    await fill(place, 0, missed);
    await host.kill();
    await fill(place, 0, missed);
    place.say(told(`${missed} writes were missed, from the log`, await timeStart(place, [host])));
    await host.kill();
    rmSync(host.data, { recursive: true });
    place.say(told(`all ${missed} keys, by snapshots`, await timeStart(place, [host])));
  },
};

const MEASURES: readonly Measure[] = [KILL, CUT, POWER, RESTART, CATCH_UP];

async function measureAll({ folder, ground, signal }: Enclosed): Promise<number> {
  const wanted = values.only.split(',');
  console.log('| what | times | p50 | p99 | longest |');
  for (const measure of MEASURES.filter(({ name }) => wanted.includes(name))) {
    if (signal.aborted) return 1;
    let giveUp: (cause: Error) => void = () => {};
    const given = new Promise<never>((_, reject) => {
      giveUp = reject;
    });
    const site = await Site.open({
      folder: join(folder, measure.name),
      ground: measure.isShimmed ? ground : { ...ground, shim: undefined },
      nodes: NODES,
      shards: SHARDS,
      clientPlaces: [],
      onEnd: (host, text) => giveUp(new Error(`${host.name} ended by itself: ${text}`)),
    });
    try {
      const kv = await connect(site.cluster.urls, { timeout: TIMEOUT_MILLISECONDS });
      const say = (text: string) => console.log(text);
      signal.addEventListener('abort', () => giveUp(new Error('interrupted')));
      await Promise.race([measure.run({ site, kv, random: new Random(1), say }), given]);
      await kv.close();
    } finally {
      await site.close();
    }
  }
  return 0;
}

const { kills, keys, missed, only } = values;
await runEnclosed({
  url: import.meta.url,
  words: [`--kills=${kills}`, `--keys=${keys}`, `--missed=${missed}`, `--only=${only}`],
  enclosed: values.enclosed,
  run: measureAll,
});
