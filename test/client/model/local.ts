/** A client of the library on a model cluster in this process, in real time. */

import type { NodeId } from '../../../src/base/ids.ts';
import { Random } from '../../../src/base/random.ts';
import { type Client, connectBy } from '../../../src/client/client.ts';
import type { Dial } from '../../../src/client/dial.ts';
import type { ConnectOptions } from '../../../src/client/options.ts';
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
  commitMax: 1,
};

export interface Local {
  readonly client: Client;
  /** Every frame that the client sent. */
  readonly frames: (readonly Request[])[];
  /** From now on nothing is answered. */
  fallSilent(): void;
}

export const URL_OF_MODEL = 'kv://node-1:7400';

export async function connectLocally(options: ConnectOptions = {}): Promise<Local> {
  const random = new Random(1);
  const world = { after: (ms: number, run: () => void) => void setTimeout(run, ms).unref() };
  const cluster = new ModelCluster({
    nodes: 3,
    shards: 4,
    world,
    random,
    faults: KIND,
    onEffect: () => {},
  });
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
  return { client, frames, fallSilent };
}
