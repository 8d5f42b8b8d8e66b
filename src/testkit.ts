/** `ringkv/testkit`: a cluster in memory for the tests of applications. */

import { KvError } from './base/errors.ts';
import type { Client } from './client/client.ts';
import type { Key } from './client/key.ts';
import type { ConnectOptions } from './client/options.ts';
import { TestCluster } from './testkit/test-cluster.ts';

/** Options of `testkit`. */
export interface TestkitOptions {
  /** One by default; with three the cluster survives the crash of one. */
  readonly nodes?: 1 | 3;
  /** The number of shards, 1 to 64; one by default. */
  readonly shards?: number;
  /** All that is drawn at random follows from it: delays, elections, backoffs. 1 by default. */
  readonly seed?: number;
}

/** The clock of a test cluster, of its nodes and of its clients. */
export interface TestClock {
  /** Milliseconds since the cluster began. */
  readonly now: number;
  /**
   * Moves the clock; resolves when all that falls due meanwhile has been done. The clock also moves
   * by itself, by the few milliseconds that calls take.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit();
   * await kit.kv().set('session', 'Ada', { ttl: 60_000 });
   * await kit.clock.advance(61_000);
   * ```
   */
  advance(milliseconds: number): Promise<void>;
}

/** What a test may do to its cluster. */
export interface TestFaults {
  /**
   * Cuts a node off from all other nodes and from the clients, or a client off from all nodes.
   * Nodes are numbered from 1.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * kit.faults.cut(1);
   * ```
   */
  cut(what: number | Client): void;
  /**
   * Every message takes this long from now on, in each direction.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * kit.faults.delay(200);
   * ```
   */
  delay(milliseconds: number): void;
  /**
   * Crashes a node; it stays down until `heal`. What it has acknowledged is on its disks.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * kit.faults.crash(2);
   * ```
   */
  crash(node: number): void;
  /**
   * Crashes the node that leads the shard of a key, and returns its number.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * await kit.kv().set('key', 1);
   * const node = await kit.faults.crashLeader('key');
   * ```
   */
  crashLeader(key?: Key): Promise<number>;
  /**
   * Ends all cuts and delays, and starts the nodes that are down.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * kit.faults.cut(1);
   * kit.faults.heal();
   * ```
   */
  heal(): void;
}

/** A cluster in memory. */
export interface Testkit {
  /**
   * The client that the cluster was made with.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * await kit.kv().set('key', 1);
   * ```
   */
  kv(): Client;
  /**
   * Another client, as of another process.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * const other = await kit.connect({ timeout: 5_000 });
   * ```
   */
  connect(options?: Omit<ConnectOptions, 'balance'>): Promise<Client>;
  /** The clock of nodes and clients. */
  readonly clock: TestClock;
  /** Faults on request; none happen by themselves. */
  readonly faults: TestFaults;
  /**
   * The number of the node that leads the shard of a key; undefined while none does.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit({ nodes: 3 });
   * kit.faults.cut(kit.leader('key') ?? 1);
   * ```
   */
  leader(key?: Key): number | undefined;
  /**
   * Closes the clients, and ends the nodes.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * const kit = await testkit();
   * await kit.close();
   * ```
   */
  close(): Promise<void>;
  /**
   * Closes it at the end of the block.
   *
   * @example
   * ```ts
   * import { testkit } from 'ringkv/testkit';
   * await using kit = await testkit();
   * ```
   */
  [Symbol.asyncDispose](): Promise<void>;
}

const SHARDS_MAX = 64;
const ANY_KEY = 'any';

/**
 * Starts a cluster in memory, of the nodes and the client that run in production, on a network, on
 * disks and on a clock of the test's own. Time stands still unless a call is open or the test
 * advances it, so a test neither waits nor depends on how fast the machine is.
 *
 * @example
 * ```ts
 * import { equal } from 'node:assert/strict';
 * import { test } from 'node:test';
 * import { testkit } from 'ringkv/testkit';
 *
 * test('a session ends', async () => {
 *   await using kit = await testkit({ nodes: 3 });
 *   const kv = kit.kv();
 *   await kv.set('session', 'Ada', { ttl: 60_000 });
 *   await kit.clock.advance(59_000);
 *   equal((await kv.get('session'))?.value, 'Ada');
 *   await kit.faults.crashLeader('session');
 *   await kit.clock.advance(5_000);
 *   equal(await kv.get('session'), undefined);
 * });
 * ```
 */
export async function testkit(options: TestkitOptions = {}): Promise<Testkit> {
  const { nodes = 1, shards = 1, seed = 1 } = options;
  if (nodes !== 1 && nodes !== 3) throw invalid(`nodes is 1 or 3 (got ${String(nodes)})`);
  checkWhole('shards', shards, { min: 1, max: SHARDS_MAX });
  checkWhole('seed', seed, { min: 0, max: 2 ** 32 - 1 });
  const cluster = new TestCluster({ nodes, shards, seed });
  const first = await cluster.connect({});
  const close = () => cluster.close();
  return {
    kv: () => first,
    connect: (how = {}) => cluster.connect(how),
    clock: {
      get now() {
        return cluster.now;
      },
      advance: (milliseconds) => cluster.advance(milliseconds),
    },
    faults: {
      cut: (what) => cluster.cut(what),
      delay: (milliseconds) => cluster.delay(milliseconds),
      crash: (node) => cluster.crash(node),
      crashLeader: async (key = ANY_KEY) => {
        const leader = await cluster.leaderSoon(key);
        cluster.crash(leader);
        return leader;
      },
      heal: () => cluster.heal(),
    },
    leader: (key = ANY_KEY) => cluster.leaderOf(key),
    close,
    [Symbol.asyncDispose]: close,
  };
}

function checkWhole(
  name: string,
  number: number,
  { min, max }: { readonly min: number; readonly max: number },
): void {
  if (Number.isInteger(number) && number >= min && number <= max) return;
  throw invalid(`${name} is a whole number from ${min} to ${max} (got ${number})`);
}

function invalid(message: string): KvError {
  return new KvError({ code: 'invalid-argument', outcome: 'notApplied', message });
}
