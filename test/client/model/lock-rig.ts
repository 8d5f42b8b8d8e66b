/** Clients and the locks of two shards, in a calm network whose messages a test can hold up. */

import { Random } from '../../../src/base/random.ts';
import type { Replied, WriteCall } from '../../../src/client/core/call.ts';
import type { CallFailure } from '../../../src/client/core/call-failure.ts';
import { KeptLease } from '../../../src/client/core/coordination/kept-lease.ts';
import type {
  Granted,
  LockCall,
  OwnedLock,
  UnlockCall,
} from '../../../src/client/core/coordination/ticket-call.ts';
import { encodeBatch } from '../../../src/machine/batch.ts';
import type { Operation } from '../../../src/machine/command.ts';
import { arcOf } from '../../../src/ring/arc.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';
import type { Request } from '../../../src/wire/request.ts';
import type { Response } from '../../../src/wire/response.ts';
import { ClientHost } from './client-host.ts';
import { type Faults, ModelCluster } from './cluster.ts';
import type { ModelShard } from './shard.ts';
import { World } from './world.ts';

const FAULTS: Faults = {
  overload: 0,
  wrongEpoch: 0,
  notHere: 0,
  notFresh: 0,
  tooMuch: 0,
  survival: 0,
  forward: 1,
  giveWay: 0,
  mute: 0,
  commitMax: 1,
};

const STEP = 10;
const SHARDS = 2;

/** What a call for a lock was told, and the positions before that. */
export interface LockTold {
  readonly call: LockCall;
  told: string;
  lock: OwnedLock | undefined;
  readonly positions: number[];
}

export interface WriteTold {
  told: string;
}

/** What becomes of a message on its way: `pass`, `drop`, or how many milliseconds it is late. */
type Fate = 'pass' | 'drop' | number;

export class LockRig {
  readonly #world = new World();
  readonly #cluster: ModelCluster;
  readonly #random = new Random(7);
  /** Of each request; a test replaces it. */
  onRequest: (request: Request) => Fate = () => 'pass';
  onResponse: (response: Response, request: Request) => Fate = () => 'pass';
  #clients = 0;
  #leases = 0;
  #sequence = 0;
  /** Whether shards end leases that are due. */
  isSweeping = true;
  /** Of the clocks of leaders. */
  logRate = 1;

  constructor() {
    const random = this.#random.fork('cluster');
    const common = { world: this.#world, random, faults: FAULTS, onEffect: () => {} };
    this.#cluster = new ModelCluster({ nodes: 2, shards: SHARDS, ...common });
  }

  get now(): number {
    return this.#world.now;
  }

  client(): ClientHost {
    this.#clients += 1;
    return new ClientHost({
      world: this.#world,
      random: this.#random.fork(`client ${this.#clients}`),
      cluster: { serve: (node, request, reply) => this.#carry(node, request, reply) },
      links: { delayMax: 0, refusal: 0, echo: 0 },
      client: new Uint8Array(16).fill(this.#clients),
      clockRate: 1,
      balance: 'round-robin',
    });
  }

  lease(host: ClientHost, ttlMilliseconds = 4000): KeptLease {
    this.#leases += 1;
    const id = new Uint8Array(16).fill(200 + this.#leases);
    const lease = new KeptLease({ id, ttlMilliseconds, note: new Uint8Array(0) });
    host.lease(lease);
    return lease;
  }

  lock(host: ClientHost, name: string, options: Partial<LockCall> = {}): LockTold {
    const told: Omit<LockTold, 'call'> = { told: '', lock: undefined, positions: [] };
    const call: LockCall = {
      type: 'lock',
      name: Buffer.from(name),
      kind: 'exclusive',
      permits: 1,
      lease: undefined,
      ttlMilliseconds: 4000,
      note: new Uint8Array(0),
      waitMilliseconds: 60_000,
      timeoutMilliseconds: 60_000,
      onWait: (position) => told.positions.push(position),
      settle: (result: Granted | CallFailure) => {
        told.told = result.type === 'failed' ? result.code : `token ${result.lock.fence}`;
        if (result.type === 'granted') told.lock = result.lock;
      },
      ...options,
    };
    host.call(call);
    return Object.assign(told, { call });
  }

  /** Set under a lease. */
  attach(host: ClientHost, keys: readonly string[], lease: KeptLease): WriteTold {
    return this.write(host, {
      leases: [lease],
      command: keys.map((key) => {
        const about = { key: Buffer.from(key), value: Buffer.from('here'), lifeMilliseconds: 0 };
        return { type: 'set', ...about, lease: { id: lease.id, opening: undefined } };
      }),
    });
  }

  write(
    host: ClientHost,
    terms: Pick<WriteCall, 'command' | 'leases' | 'guards'> & Partial<WriteCall>,
  ): WriteTold {
    const told: WriteTold = { told: '' };
    const settle = (result: Replied | CallFailure) => {
      told.told = result.type === 'failed' ? `${result.code} ${result.outcome}` : result.reply.type;
    };
    host.call({ type: 'write', timeoutMilliseconds: 10_000, settle, ...terms });
    return told;
  }

  release(host: ClientHost, { lock }: LockTold): WriteTold & { readonly call: UnlockCall } {
    const told: WriteTold = { told: '' };
    if (lock === undefined) throw new Error('what is released is owned');
    const settle = (result: { readonly type: string }) => {
      told.told = result.type;
    };
    const call: UnlockCall = { type: 'unlock', lock, timeoutMilliseconds: 5000, settle };
    host.call(call);
    return Object.assign(told, { call });
  }

  /** Without a lease: all of the client. */
  end(host: ClientHost, lease?: KeptLease, timeoutMilliseconds = 5000): WriteTold {
    const told: WriteTold = { told: '' };
    const settle = (result: CallFailure | { readonly type: string }) => {
      told.told = 'code' in result ? `${result.code} ${result.outcome}` : result.type;
    };
    host.call({ type: 'end-lease', lease, timeoutMilliseconds, settle });
    return told;
  }

  /** What an administrator does, with a client of their own. */
  revoke(shard: number, lease: Uint8Array): void {
    this.#sequence += 1;
    const command: Operation[] = [{ type: 'end-lease', key: Buffer.from('any'), lease }];
    const at = this.shard(shard);
    const about = { client: new Uint8Array(16).fill(99), deadline: Math.floor(at.time) + 1000 };
    at.write(encodeBatch({ ...about, sequence: this.#sequence, commands: [command] }), 1);
  }

  shard(number: number): ModelShard {
    return this.#cluster.shards[number - 1] as ModelShard;
  }

  shardOf(key: string): ModelShard {
    return this.shard(arcOf(keyPosition(Buffer.from(key)), SHARDS) + 1);
  }

  pass(milliseconds: number): void {
    for (const end = this.#world.now + milliseconds; this.#world.now < end; ) {
      this.#cluster.pass(STEP * this.logRate);
      if (this.isSweeping && this.#world.now % 200 === 0) this.#cluster.sweep();
      this.#world.runUntil(this.#world.now + STEP);
    }
  }

  #carry(node: number, request: Request, reply: (response: Response) => void): void {
    this.#deliver(this.onRequest(request), () => {
      this.#cluster.serve(node, request, (response) => {
        this.#deliver(this.onResponse(response, request), () => reply(response));
      });
    });
  }

  #deliver(fate: Fate, run: () => void): void {
    if (fate === 'pass') run();
    else if (fate !== 'drop') this.#world.after(fate, run);
  }
}
