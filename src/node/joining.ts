/** A node without a number asks a cluster for one, through any of its nodes. */

import { monotoneNow } from '../base/ambient.ts';
import type { NodeId } from '../base/ids.ts';
import type { NodeDescription } from '../catalog/cluster-map.ts';
import type { Reply } from '../catalog/command.ts';
import { decodeReply, encodeCommand } from '../catalog/command-bytes.ts';
import { ClientLine } from '../transport/client-line.ts';
import { TIMERS } from '../transport/timers.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { encodeRequests } from '../wire/request.ts';
import { decodeResponses, type Response } from '../wire/response.ts';

interface Joined {
  readonly cluster: string;
  readonly node: NodeId;
  /** The whole map, so that the others can be found. */
  readonly map: Uint8Array;
}

interface Joining {
  readonly urls: readonly string[];
  readonly joinToken: Uint8Array;
  readonly description: NodeDescription;
  /** Between two rounds over all urls; and altogether. */
  readonly pauseMilliseconds: number;
  readonly patienceMilliseconds: number;
}

const COMMAND_ID = 1;
const MAP_ID = 2;
const ROUND_MILLISECONDS = 3000;

/** The same token gets the same number, however often it asks. Fails with what each one said. */
export async function join(joining: Joining): Promise<Joined> {
  const { urls, patienceMilliseconds, pauseMilliseconds } = joining;
  const until = monotoneNow() + patienceMilliseconds;
  const said = new Map<string, string>();
  for (;;) {
    for (const url of urls) {
      const answer = await askAt(url, joining);
      if (typeof answer !== 'string') return answer;
      said.set(url, answer);
    }
    if (monotoneNow() >= until) break;
    await new Promise((resume) => setTimeout(resume, pauseMilliseconds));
  }
  const told = [...said].map(([url, text]) => `${url}: ${text}`).join('; ');
  throw new Error(
    `no node of the cluster let this one join (${told}). Nothing was changed. Look whether the ` +
      'addresses are right and whether a majority of the catalogue is up, then start it again',
  );
}

function askAt(url: string, { joinToken, description }: Joining): Promise<Joined | string> {
  return new Promise((resolve) => {
    const sockets = new WebDialler();
    let cluster = '';
    let node: NodeId | undefined;
    const end = (answer: Joined | string) => {
      clearTimeout(timer);
      line.close();
      sockets.close();
      resolve(answer);
    };
    const timer = setTimeout(() => end('it did not answer in time'), ROUND_MILLISECONDS);
    const take = (response: Response) => {
      if (response.type === 'failed') return end(`it cannot now (${response.failure})`);
      if (response.type === 'map' && node !== undefined) {
        return end({ cluster, node, map: response.map });
      }
      const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
      const refusal = refusalOf(reply);
      if (refusal !== undefined) return end(refusal);
      if (reply?.type !== 'done') return;
      node = reply.node;
      line.send(encodeRequests([{ type: 'map', id: MAP_ID, knownVersion: 0 }]));
    };
    const line = new ClientLine({
      sockets,
      schedule: TIMERS,
      url,
      cluster: '',
      features: [],
      onEvent: (event) => {
        if (event.type === 'down') return end(event.reason);
        if (event.type === 'frame') return decodeResponses(event.bytes)?.forEach(take);
        cluster = event.hello.cluster;
        const command = encodeCommand({ type: 'join', joinToken, description });
        line.send(encodeRequests([{ type: 'command', id: COMMAND_ID, command }]));
      },
    });
  });
}

function refusalOf(reply: Reply | undefined): string | undefined {
  return reply?.type === 'refused' ? `the catalogue refused (${reply.reason})` : undefined;
}
