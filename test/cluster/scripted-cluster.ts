/** A small simulated cluster for tests that control it step by step. */

import { fail } from 'node:assert/strict';
import type { ShardId } from '../../src/base/ids.ts';
import { RAFT_LIMITS, type RaftLimits } from '../../src/base/limits.ts';
import { Random } from '../../src/base/random.ts';
import type { ReadCall } from '../../src/client/core/call.ts';
import { MemoryNetwork } from '../../src/testkit/memory-network.ts';
import { Agenda } from '../sim/agenda.ts';
import { Probes } from '../sim/probes.ts';
import type { Computer } from './computer.ts';
import { bytesOf, Customer, textOf, type WriteRecord } from './customer.ts';
import { Growth } from './growth.ts';
import { Witness } from './witness.ts';

const KIB = 1024;
const STEP_MILLISECONDS = 50;
const GROWTH_MILLISECONDS = 120_000;

interface ScriptedClusterOptions {
  readonly seed: number;
  readonly nodes: number;
  readonly shards: number;
  readonly limits?: Partial<RaftLimits>;
}

export class ScriptedCluster {
  readonly agenda: Agenda;
  readonly growth: Growth;
  readonly probes = new Probes();
  readonly writes: WriteRecord[] = [];
  readonly customer: Customer;

  /** Founded, grown, and every replica where it should be. */
  constructor({ seed, nodes, shards, limits }: ScriptedClusterOptions) {
    const random = new Random(seed);
    const agenda = new Agenda(random.fork('ties'));
    this.agenda = agenda;
    const network = new MemoryNetwork({ time: agenda, random: random.fork('network') });
    const surroundings = { agenda, network, random: random.fork('all'), probes: this.probes };
    const witness = new Witness(() => agenda.now);
    const small = { appendBytesMax: 32 * KIB, inflightBytesMax: 128 * KIB };
    const bounds = { ...RAFT_LIMITS, ...small, ...limits } as RaftLimits;
    this.growth = new Growth({ surroundings, random, witness, limits: bounds });
    this.growth.begin({ shards, replicas: Math.min(3, nodes) });
    this.until('the first node founds', () => this.growth.isFounded);
    for (let at = 1; at < nodes; at++) this.growth.join(0);
    const isGrown = () =>
      this.computers.every(({ core }) => core?.state.map?.nodes.length === nodes) &&
      this.growth.isPlaced;
    this.until('all is placed', isGrown);
    const urls = this.computers.map(({ url }) => url);
    this.customer = new Customer({ number: 1, surroundings, urls, writes: this.writes });
  }

  get computers(): readonly Computer[] {
    return this.growth.computers;
  }

  /** Counted from 1, as the nodes are. */
  computer(number: number): Computer {
    return this.computers[number - 1] ?? fail(`there is no computer ${number}`);
  }

  run(milliseconds: number): void {
    this.agenda.runUntil(this.agenda.now + milliseconds);
  }

  until(what: string, isSo: () => boolean, milliseconds = GROWTH_MILLISECONDS): void {
    const until = this.agenda.now + milliseconds;
    while (!isSo()) {
      if (this.agenda.now >= until) fail(`${what}: not within ${milliseconds} ms`);
      this.run(STEP_MILLISECONDS);
    }
  }

  /** Returns its outcome. */
  put(key: string, value: string): WriteRecord {
    let ended: WriteRecord | undefined;
    const put = { type: 'set', key: bytesOf(key), value: bytesOf(value), lifeMilliseconds: 0 };
    this.customer.write([put] as Parameters<Customer['write']>[0], (record) => {
      ended = record;
    });
    this.until(`put ${key}`, () => ended !== undefined);
    return ended ?? fail();
  }

  /** A linearizable read that is retried until it is answered; undefined for a missing key. */
  get(key: string): string | undefined {
    let found: { readonly value: string | undefined } | undefined;
    const ask = () => {
      const level = { type: 'linearizable' } as const;
      const keys = [bytesOf(key)];
      this.customer.call<ReadCall>({ type: 'read', keys, level, isJoint: false }, (result) => {
        if (result.type !== 'rows') return ask();
        const [row] = result.rows;
        found = { value: row === undefined ? undefined : textOf(row.value) };
      });
    };
    ask();
    this.until(`get ${key}`, () => found !== undefined);
    return found?.value;
  }

  leaderOf(shard: ShardId): Computer | undefined {
    return this.computers.find(({ core }) => core?.state.replicas.get(shard)?.isLeader === true);
  }
}
