/** The cost of a set and a get in the client, from key and value to the result, without network. */

import type { MemberId, NodeId, ShardId } from '../../src/base/ids.ts';
import { Writer } from '../../src/base/message-pack.ts';
import { Random } from '../../src/base/random.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { encodeMap } from '../../src/catalog/map-bytes.ts';
import { Core } from '../../src/client/core/core.ts';
import { encodeKey } from '../../src/client/key.ts';
import { encodeReply } from '../../src/machine/reply.ts';
import { writeRow } from '../../src/machine/row.ts';
import { RING_SPAN } from '../../src/ring/arc.ts';
import { decodeDocument, encodeDocument } from '../../src/wire/document.ts';
import { encodeResponses, type Response } from '../../src/wire/response.ts';
import { type BenchRow, measure } from './report.ts';

/** Calls in one run of the work, however many turns they take. */
const CALLS = 200;
const VALUE = { name: 'Ada', text: 'x'.repeat(230) };
const REPLY = encodeReply({ type: 'done', version: 7, outputs: [] });
const KEYS = Array.from({ length: CALLS }, (_, at) => `user:${String(at).padStart(11, '0')}`);

export async function run(): Promise<BenchRow[]> {
  return measure(
    [1, 100].flatMap((calls) => {
      const client = new LoneClient();
      return [
        {
          name: `client: set, ${calls} in a turn`,
          operations: CALLS,
          work: () => client.turns(calls, (key) => client.set(key)),
        },
        {
          name: `client: get, ${calls} in a turn`,
          operations: CALLS,
          work: () => client.turns(calls, (key) => client.get(key)),
        },
      ];
    }),
  );
}

/** A core whose one node answers at once, with the same bytes again and again. */
class LoneClient {
  readonly #core: Core;
  #isAsked = false;
  #id = 0;
  #now = 0;
  #settled = 0;
  readonly #row = rowBytes();

  constructor() {
    this.#core = new Core({
      port: {
        dial: () => {},
        hangUp: () => {},
        send: () => {
          this.#isAsked = true;
        },
      },
      urls: ['ws://localhost:1'],
      client: new Uint8Array(16),
      random: new Random(1),
      balance: 'round-robin',
      now: 0,
    });
    const ready = { type: 'ready', timeoutMilliseconds: 1000, settle: () => {} } as const;
    this.#core.step({ type: 'call', call: ready, now: 0 });
    this.#flush();
    const limits = { keyBytesMax: 4096, valueBytesMax: 1 << 20 };
    const greeting = { cluster: 'bench', node: 1 as NodeId, limits };
    this.#core.step({ type: 'up', connection: 1, greeting, now: 0 });
    this.#flush();
    this.#answer({ type: 'map', id: 0, map: encodeMap(mapOfOne(), 0) });
    // A read returns the log time of the shard.
    this.get(KEYS[0] as string);
    this.#flush();
    this.#answerRows(1);
  }

  turns(calls: number, call: (key: string) => 'set' | 'get'): number {
    for (let done = 0; done < CALLS; done += calls) {
      let kind = 'set';
      for (let at = 0; at < calls; at++) kind = call(KEYS[done + at] as string);
      this.#flush();
      if (kind === 'get') this.#answerRows(calls);
      else this.#answerReplies(calls);
    }
    return this.#settled;
  }

  set(key: string): 'set' {
    const value = encodeDocument(VALUE) as Uint8Array;
    this.#core.step({
      type: 'call',
      call: {
        type: 'write',
        command: [{ type: 'set', key: encodeKey(key), value, lifeMilliseconds: 0 }],
        timeoutMilliseconds: 10_000,
        settle: (result) => {
          if (result.type === 'replied') this.#settled += 1;
        },
      },
      now: this.#now,
    });
    return 'set';
  }

  get(key: string): 'get' {
    this.#core.step({
      type: 'call',
      call: {
        type: 'read',
        keys: [encodeKey(key)],
        level: { type: 'linearizable' },
        isJoint: false,
        timeoutMilliseconds: 10_000,
        settle: (result) => {
          if (result.type !== 'rows') return;
          const row = result.rows[0];
          if (row !== undefined && decodeDocument(row.value) !== undefined) this.#settled += 1;
        },
      },
      now: this.#now,
    });
    return 'get';
  }

  #flush(): void {
    this.#core.step({ type: 'flush', now: this.#now });
  }

  #answerRows(calls: number): void {
    const rows = new Array<Uint8Array>(calls).fill(this.#row);
    this.#answer({ type: 'rows', id: 0, time: 1_700_000_000_000, index: 1, rows });
  }

  #answerReplies(calls: number): void {
    const replies = new Array<Uint8Array>(calls).fill(REPLY);
    this.#answer({ type: 'written', id: 0, time: 1_700_000_000_000, replies });
  }

  #answer(response: Response): void {
    if (!this.#isAsked) throw new Error('nothing was asked');
    this.#isAsked = false;
    this.#id += 1;
    const bytes = encodeResponses([{ ...response, id: this.#id }]);
    this.#core.step({ type: 'frame', connection: 1, bytes, now: this.#now });
  }
}

function rowBytes(): Uint8Array {
  const writer = new Writer();
  writeRow(writer, { version: 7, expiresAt: 0, value: encodeDocument(VALUE) as Uint8Array });
  return writer.take();
}

function mapOfOne(): ClusterMap {
  const node = 1 as NodeId;
  const basis = { weight: 100, zone: 'here' };
  const row = (shard: number) => ({
    shard: shard as ShardId,
    revision: 1,
    epoch: 1,
    from: 0,
    to: shard === 0 ? 0 : RING_SPAN,
    founder: 1 as MemberId,
    isFounded: true,
    term: 1,
    goal: [node],
    preferredNode: node,
    members: [{ node, member: (shard + 1) as MemberId, isWanted: true, isVoter: true }],
  });
  return {
    version: 1,
    clusterId: 'bench',
    settings: { shards: 1, replicas: 1 },
    nextNode: 2 as NodeId,
    aimedAt: 1,
    nodes: [
      {
        node,
        revision: 1,
        tokenDigest: new Uint8Array(32),
        incarnation: 1,
        life: 1,
        name: '',
        peerUrl: 'ws://localhost:2',
        clientUrl: 'ws://localhost:1',
        ...basis,
        basis: { ...basis, isDrained: false },
        membership: 'active',
        replaces: 0 as NodeId,
      },
    ],
    shards: [row(0), row(1)],
  };
}
