/** What the cluster knows of itself, asked for by the tools of those who keep it running. */

import { KvError } from '../base/errors.ts';
import type { ClusterMap } from '../catalog/cluster-map.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { ClientLine } from '../transport/client-line.ts';
import { TIMERS } from '../transport/timers.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { encodeRequests, type Request } from '../wire/request.ts';
import { decodeResponses, type Response } from '../wire/response.ts';
import { urlsOf } from './engine.ts';

export interface AskOptions {
  /** Milliseconds for each node that is asked. 5 s by default. */
  readonly timeout?: number;
}

/** The only request on its line. */
const ID = 1;
const TIMEOUT_MILLISECONDS = 5000;

/** The map as the first node has it that answers. */
export async function askMap(
  urls: string | readonly string[],
  { timeout = TIMEOUT_MILLISECONDS }: AskOptions,
): Promise<ClusterMap> {
  const attempts: { readonly endpoint: string; readonly what: string }[] = [];
  for (const url of urlsOf(urls)) {
    const answer = await askAt(url, { type: 'map', id: ID, knownVersion: 0 }, timeout);
    if (typeof answer !== 'string' && answer.type === 'map') {
      const map = decodeMap(answer.map, undefined);
      if (map !== undefined) return map;
    }
    attempts.push({ endpoint: url, what: faultOf(answer) });
  }
  const message = 'no node could be asked for the map of the cluster';
  throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
}

/** What one node says of itself, as a text in JSON. Asked at that node and nowhere else. */
export async function askInfo(
  url: string,
  { timeout = TIMEOUT_MILLISECONDS }: AskOptions,
): Promise<string> {
  const [address = ''] = urlsOf(url);
  const answer = await askAt(address, { type: 'info', id: ID }, timeout);
  if (typeof answer !== 'string' && answer.type === 'info') {
    return new TextDecoder().decode(answer.text);
  }
  const attempts = [{ endpoint: url, what: faultOf(answer) }];
  const message = 'the node could not be asked how it is';
  throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
}

function faultOf(answer: Response | string): string {
  if (typeof answer === 'string') return answer;
  return answer.type === 'failed' ? `it refused: ${answer.failure}` : 'its answer means nothing';
}

/** The answer, or why there is none. */
function askAt(
  url: string,
  request: Request,
  timeoutMilliseconds: number,
): Promise<Response | string> {
  return new Promise((resolve) => {
    const sockets = new WebDialler();
    const end = (answer: Response | string) => {
      clearTimeout(timer);
      line.close();
      sockets.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end('it did not answer in time'), timeoutMilliseconds);
    const line = new ClientLine({
      sockets,
      schedule: TIMERS,
      url,
      cluster: '',
      features: [],
      onEvent: (event) => {
        switch (event.type) {
          case 'up':
            line.send(encodeRequests([request]));
            return;
          case 'frame': {
            const answer = decodeResponses(event.bytes)?.find(({ id }) => id === ID);
            if (answer !== undefined) end(answer);
            return;
          }
          case 'down':
            end(event.reason);
        }
      },
    });
  });
}
