/** A client of the library on a model cluster in this process, in real time. */

import type { NodeId } from '../../../src/base/ids.ts';
import { Random } from '../../../src/base/random.ts';
import type { Client } from '../../../src/client/client.ts';
import { connectBy } from '../../../src/client/connecting.ts';
import type { Dial } from '../../../src/client/dial.ts';
import type { ConnectOptions } from '../../../src/client/options.ts';
import { arcOf } from '../../../src/ring/arc.ts';
import { keyPosition } from '../../../src/ring/key-position.ts';
import { decodeRequests, type Request } from '../../../src/wire/request.ts';
import { encodeResponses } from '../../../src/wire/response.ts';
import { type Faults, ModelCluster } from './cluster.ts';

const KIND: Faults = {
  overload: 0,
  wrongEpoch: 0,
  notHere: 0,
  notFresh: 0,
  tooMuch: 0,
  survival: 0,
  forward: 0,
  giveWay: 0,
  mute: 0,
  commitMax: 1,
};

const SHARDS = 4;

export interface Local {
  readonly client: Client;
  readonly cluster: ModelCluster;
  /** Every frame that the client sent. */
  readonly frames: (readonly Request[])[];
  /** From now on no node answers. */
  fallSilent(): void;
}

export const URL_OF_MODEL = 'kv://node-1:7400';

/** A client of a cluster with four shards, which other clients may share. */
export function clusterOf(faults: Partial<Faults> = {}): ModelCluster {
  return new ModelCluster({
    nodes: 3,
    shards: SHARDS,
    world: { after: (ms: number, run: () => void) => void setTimeout(run, ms).unref() },
    random: new Random(1),
    faults: { ...KIND, ...faults },
    onEffect: () => {},
  });
}

/** Keys with this prefix, one in each shard, in the order of shards. */
export function keysApart(beginning: string): readonly [string, string, string, string] {
  const keys: string[] = [];
  for (let at = 0; keys.filter(Boolean).length < SHARDS; at++) {
    const key = `${beginning}${at}`;
    keys[arcOf(keyPosition(Buffer.from(key)), SHARDS)] ??= key;
  }
  return keys as never;
}

export async function connectLocally(
  options: ConnectOptions = {},
  cluster = clusterOf(),
): Promise<Local> {
  const frames: (readonly Request[])[] = [];
  let isSilent = false;
  const dial: Dial = (url, { onUp, onFrame }) => {
    const node = Number(/node-(\d+)/.exec(url)?.[1]) as NodeId;
    const limits = { keyBytesMax: 4096, valueBytesMax: 1024 * 1024 };
    setImmediate(() => onUp({ cluster: 'model', node, limits }));
    return {
      send: (bytes) => {
        const requests = decodeRequests(bytes) ?? [];
        frames.push(requests);
        for (const request of requests) {
          cluster.serve(node, request, (response) => {
            if (!isSilent) setImmediate(() => onFrame(encodeResponses([response])));
          });
        }
        return true;
      },
      close: () => {},
    };
  };
  const clock = { now: () => performance.now(), dial };
  const secureBytes = (length: number) => crypto.getRandomValues(new Uint8Array(length));
  const client = await connectBy({ ...clock, secureBytes }, URL_OF_MODEL, options);
  const fallSilent = () => {
    isSilent = true;
  };
  return { client, cluster, frames, fallSilent };
}
