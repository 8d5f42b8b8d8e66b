/** What the cluster knows of itself, asked for by the tools of those who keep it running. */

import { monotoneNow } from '../base/ambient.ts';
import { type Attempt, KvError, type Outcome } from '../base/errors.ts';
import type { ClusterMap } from '../catalog/cluster-map.ts';
import { decodeMap } from '../catalog/map-bytes.ts';
import { shardAt } from '../catalog/questions.ts';
import { outcomeBy, type SettledOutcome } from '../machine/outcome.ts';
import { decodeReply } from '../machine/reply.ts';
import type { Participant } from '../machine/transaction.ts';
import { idFromText } from '../machine/transaction-id.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import { TIMERS } from '../transport/timers.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { encodeRequests, type Request } from '../wire/request.ts';
import { decodeResponses, effectOf, type Response } from '../wire/response.ts';
import { urlsOf } from './engine.ts';
import { invalid } from './options.ts';

export interface AskOptions {
  /** Milliseconds for each node that is asked. 5 s by default. */
  readonly timeout?: number;
  /** The id of the only cluster to ask. */
  readonly cluster?: string;
}

/** A transaction that waits, as a node tells of it that leads a shard with keys of it. */
export interface Waiting {
  readonly id: string;
  readonly age: number;
  readonly participants: readonly Participant[];
}

/** The only request on its line. */
const ID = 1;
const TIMEOUT_MILLISECONDS = 5000;
/** Between two rounds of asking all nodes. */
const REST_MILLISECONDS = 100;

/** The map as the first node has it that answers. */
export async function askMap(
  urls: string | readonly string[],
  { timeout = TIMEOUT_MILLISECONDS, cluster = '' }: AskOptions = {},
): Promise<ClusterMap> {
  const attempts: { readonly endpoint: string; readonly what: string }[] = [];
  for (const url of urlsOf(urls)) {
    const answer = await askAt(url, { type: 'map', id: ID, knownVersion: 0 }, { timeout, cluster });
    if (answer.type === 'map') {
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
  { timeout = TIMEOUT_MILLISECONDS }: AskOptions = {},
): Promise<string> {
  const message = 'the node could not be asked how it is';
  return await askText(url, { request: { type: 'info', id: ID }, timeout, message });
}

/** The transactions that wait in the shards that one node leads, as a text in JSON. */
export async function askPending(
  url: string,
  { timeout = TIMEOUT_MILLISECONDS }: AskOptions = {},
): Promise<string> {
  const message = 'the node could not be asked what waits there';
  return await askText(url, { request: { type: 'pending', id: ID }, timeout, message });
}

/**
 * Ends a transaction that waits, at its home shard: what was decided stays, and what was not is
 * aborted. It was one or the other, and nobody knows which any more, if it is `over`. The nodes are
 * asked one by one, and again, until one of them can say, or the time is over. To ask twice does no
 * harm.
 */
export async function settle(
  urls: string | readonly string[],
  { id, age, participants }: Waiting,
  { timeout = TIMEOUT_MILLISECONDS, cluster = '' }: AskOptions = {},
): Promise<SettledOutcome> {
  const name = idFromText(id);
  if (name === undefined) throw invalid(`${JSON.stringify(id)} is no name of a transaction`);
  if (participants.length === 0) throw invalid('nobody takes part in the transaction');
  const until = monotoneNow() + timeout;
  const map = await askMap(urls, { timeout, cluster });
  const terms = { timeout, cluster: map.clusterId };
  const { shard } = shardAt(map, name.home);
  // It decides on an abort or learns of a decision, and competes with no other transaction.
  const contender = { id: name, attempts: 0, age };
  const request = { type: 'settle', id: ID, shard, contender, participants } as const;
  let attempts: Attempt[] = [];
  let outcome: Outcome = 'notApplied';
  do {
    attempts = [];
    for (const url of urlsOf(urls)) {
      const answer = await askAt(url, { ...request, isPreempting: true }, terms);
      const settled = outcomeOf(answer);
      if (settled !== undefined) return settled;
      attempts.push({ endpoint: url, what: faultOf(answer) });
      if (mayHaveActed(answer)) outcome = 'unknown';
    }
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  } while (monotoneNow() < until);
  const message = `no node could say what became of transaction ${id}`;
  throw new KvError({ code: 'timeout', outcome, message, attempts });
}

interface TextTerms {
  readonly request: Request;
  readonly timeout: number;
  /** What failed, if it fails. */
  readonly message: string;
}

async function askText(url: string, { request, timeout, message }: TextTerms): Promise<string> {
  const [address = ''] = urlsOf(url);
  const answer = await askAt(address, request, { timeout, cluster: '' });
  if (answer.type === 'info') {
    return new TextDecoder().decode(answer.text);
  }
  const attempts = [{ endpoint: url, what: faultOf(answer) }];
  throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
}

/** Undefined if it is not decided, as far as the answer tells. */
function outcomeOf(answer: Response | Unanswered): SettledOutcome | undefined {
  const bytes = answer.type === 'written' ? answer.replies[0] : undefined;
  return outcomeBy(bytes && decodeReply(bytes));
}

export function mayHaveActed(answer: Response | Unanswered): boolean {
  if (answer.type === 'unanswered') return answer.isSent;
  return answer.type !== 'failed' || effectOf(answer.failure) === 'unknown';
}

export function faultOf(answer: Response | Unanswered): string {
  if (answer.type === 'unanswered') return answer.why;
  return answer.type === 'failed' ? `it refused: ${answer.failure}` : 'its answer means nothing';
}

export interface Unanswered {
  readonly type: 'unanswered';
  readonly why: string;
  /** The node may have been asked; its answer is missing. */
  readonly isSent: boolean;
}

/** The answer, or why there is none. */
export function askAt(
  url: string,
  request: Request,
  { timeout, cluster }: Required<AskOptions>,
): Promise<Response | Unanswered> {
  return new Promise((resolve) => {
    const sockets = new WebDialler();
    let isSent = false;
    const end = (answer: Response | Unanswered) => {
      clearTimeout(timer);
      line.close();
      sockets.close();
      resolve(answer);
    };
    const fail = (why: string) => end({ type: 'unanswered', why, isSent });
    const timer = setTimeout(() => fail('it did not answer in time'), timeout);
    const line = new ClientConnection({
      sockets,
      schedule: TIMERS,
      url,
      cluster,
      features: [],
      onEvent: (event) => {
        switch (event.type) {
          case 'up':
            isSent = line.send(encodeRequests([request]));
            return;
          case 'frame': {
            const answer = decodeResponses(event.bytes)?.find(({ id }) => id === ID);
            if (answer !== undefined) end(answer);
            return;
          }
          case 'down':
            fail(event.reason);
        }
      },
    });
  });
}
