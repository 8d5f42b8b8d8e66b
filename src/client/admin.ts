/** Requests of tools that operate a cluster: its map, nodes and pending transactions. */

import { limitText } from '../access/user-limits.ts';
import { monotoneNow } from '../base/ambient.ts';
import { present } from '../base/assert.ts';
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
import { addressesOf, isEncrypted } from './addresses.ts';
import { type ConnectOptions, invalid, type TlsOptions, tlsOf, tokenOf } from './options.ts';

/** Options of the calls for tools. */
export interface AskOptions {
  /** Timeout of one request to one node, in milliseconds. 5,000 by default. */
  readonly timeout?: number;
  /** The id of the cluster: nodes of any other are refused. By default any cluster. */
  readonly cluster?: string;
  /** Who asks: see `ConnectOptions`. */
  readonly token?: ConnectOptions['token'];
  /** Encrypts the connections, as in `connect`. */
  readonly tls?: TlsOptions;
}

/** The same with every default filled in. */
export interface AskTerms {
  readonly timeout: number;
  readonly cluster: string;
  readonly token: ConnectOptions['token'];
  readonly tls: TlsOptions | undefined;
}

/** A pending transaction, as `askPending` reports it. */
export interface Waiting {
  /** The id of the transaction. */
  readonly id: string;
  /** Its age rank, by which it takes precedence over younger ones. */
  readonly age: number;
  /** The shards that hold locks for it; its home shard first. */
  readonly participants: readonly Participant[];
}

/** The only request on its connection. */
const ID = 1;
const TIMEOUT_MILLISECONDS = 5000;
/** Between two rounds of requests to all nodes. */
const REST_MILLISECONDS = 100;

/**
 * The map of the cluster, from the first of these nodes that answers: settings, nodes, and the
 * replicas of each shard. Rejects with `unreachable` if no node answers.
 *
 * @example
 * ```ts
 * import { askMap } from 'ringkv/admin';
 * const { nodes, shards } = await askMap('kv://127.0.0.1:7400');
 * console.log(nodes.length, shards.length);
 * ```
 */
export async function askMap(
  urls: string | readonly string[],
  options: AskOptions = {},
): Promise<ClusterMap> {
  const terms = termsOf(options);
  const attempts: { readonly endpoint: string; readonly what: string }[] = [];
  for (const { url, given } of addressesOf(urls)) {
    const answer = await askAt(url, { type: 'map', id: ID, knownVersion: 0 }, terms);
    if (answer.type === 'map') {
      const map = decodeMap(answer.map, undefined);
      if (map !== undefined) return map;
    }
    attempts.push({ endpoint: given, what: faultOf(answer) });
  }
  const message = 'no node answered the request for the map of the cluster';
  throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
}

/**
 * The state of one node as JSON text: replicas, moves, log and clients. Only that node is asked.
 * Rejects with `unreachable` if it does not answer.
 *
 * @example
 * ```ts
 * import { askInfo } from 'ringkv/admin';
 * const info: unknown = JSON.parse(await askInfo('kv://127.0.0.1:7400'));
 * ```
 */
export async function askInfo(url: string, options: AskOptions = {}): Promise<string> {
  const message = 'the node did not answer the request for its state';
  return await askText(url, { request: { type: 'info', id: ID }, options, message });
}

/**
 * The pending transactions of the shards that one node leads, as JSON text. Rejects with
 * `unreachable` if the node does not answer.
 *
 * @example
 * ```ts
 * import { askPending } from 'ringkv/admin';
 * const pending: unknown = JSON.parse(await askPending('kv://127.0.0.1:7400'));
 * ```
 */
export async function askPending(url: string, options: AskOptions = {}): Promise<string> {
  const message = 'the node did not answer the request for its pending transactions';
  return await askText(url, { request: { type: 'pending', id: ID }, options, message });
}

/**
 * Ends a pending transaction at its home shard: a decision that exists stays, and without one the
 * transaction is aborted. `over` if it has ended and its home shard no longer stores how. Nodes are
 * asked in turn until one knows, or the timeout is over. Safe to repeat.
 *
 * @example
 * ```ts
 * import { settle } from 'ringkv/admin';
 * const waiting = { id, age, participants }; // from askPending
 * console.log(await settle('kv://127.0.0.1:7400', waiting)); // committed, aborted or over
 * ```
 */
export async function settle(
  urls: string | readonly string[],
  { id, age, participants }: Waiting,
  options: AskOptions = {},
): Promise<SettledOutcome> {
  const name = idFromText(id);
  if (name === undefined)
    throw invalid(`${JSON.stringify(id)} is not an id of a transaction; kvctl txn list shows them`);
  if (participants.length === 0) throw invalid('the transaction has no participants');
  const asked = termsOf(options);
  const until = monotoneNow() + asked.timeout;
  const map = await askMap(urls, options);
  const terms = { ...asked, cluster: map.clusterId };
  const { shard } = shardAt(map, name.home);
  // It aborts the transaction or learns its outcome, and competes with no other transaction.
  const contender = { id: name, attempts: 0, age };
  const request = { type: 'settle', id: ID, shard, contender, participants } as const;
  let attempts: Attempt[] = [];
  let outcome: Outcome = 'notApplied';
  let answer: Response | Unanswered | undefined;
  do {
    attempts = [];
    for (const { url, given } of addressesOf(urls)) {
      answer = await askAt(url, { ...request, isPreempting: true }, terms);
      const settled = outcomeOf(answer);
      if (settled !== undefined) return settled;
      throwIfDenied(answer);
      attempts.push({ endpoint: given, what: faultOf(answer) });
      if (mayHaveActed(answer)) outcome = 'unknown';
    }
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  } while (monotoneNow() < until);
  const message = `no node knows the outcome of transaction ${id}`;
  throw new KvError({ code: lateCodeOf(answer), outcome, message, attempts });
}

interface TextTerms {
  readonly request: Request;
  readonly options: AskOptions;
  /** The message of the failure, if it fails. */
  readonly message: string;
}

export async function askText(
  url: string,
  { request, options, message }: TextTerms,
): Promise<string> {
  const [address] = addressesOf(url);
  const answer = await askAt(present(address, 'there is one or more').url, request, {
    ...termsOf(options),
    cluster: '',
  });
  if (answer.type === 'info') {
    return new TextDecoder().decode(answer.text);
  }
  throwIfDenied(answer);
  const attempts = [{ endpoint: url, what: faultOf(answer) }];
  throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
}

/** The user may not ask it: no other node would answer otherwise. */
export function throwIfDenied(answer: Response | Unanswered): void {
  if (answer.type !== 'failed') return;
  const { failure: code } = answer;
  if (code !== 'unauthenticated' && code !== 'forbidden') return;
  const message =
    code === 'forbidden'
      ? 'the roles of this user do not permit the request'
      : 'the cluster wants to know who asks, and got no valid token';
  throw new KvError({ code, outcome: 'notApplied', message });
}

/** Undefined if the answer shows no decision. */
function outcomeOf(answer: Response | Unanswered): SettledOutcome | undefined {
  const bytes = answer.type === 'written' ? answer.replies[0] : undefined;
  return outcomeBy(bytes && decodeReply(bytes));
}

export function mayHaveActed(answer: Response | Unanswered): boolean {
  if (answer.type === 'unanswered') return answer.isSent;
  if (answer.type === 'limited' || answer.type === 'storage-limited') return false;
  return answer.type !== 'failed' || effectOf(answer.failure) === 'unknown';
}

export function faultOf(answer: Response | Unanswered): string {
  if (answer.type === 'unanswered') return answer.why;
  if (answer.type === 'limited') return limitText(answer.limit, answer.allowed);
  return answer.type === 'failed' ? `it refused: ${answer.failure}` : 'unexpected answer';
}

/** The code for a request that no node has taken until its timeout, by the last answer. */
export function lateCodeOf(
  answer: Response | Unanswered | undefined,
): 'audit-unavailable' | 'timeout' {
  const isUnaudited = answer?.type === 'failed' && answer.failure === 'audit-unavailable';
  return isUnaudited ? 'audit-unavailable' : 'timeout';
}

export function termsOf(options: AskOptions): AskTerms {
  const { timeout = TIMEOUT_MILLISECONDS, cluster = '', token, tls } = options;
  return { timeout, cluster, token, tls };
}

export interface Unanswered {
  readonly type: 'unanswered';
  readonly why: string;
  /** The request may have arrived; its answer is missing. */
  readonly isSent: boolean;
}

/** The answer, or the reason why there is none. */
export function askAt(
  url: string,
  request: Request,
  { timeout, cluster, token, tls: given }: AskTerms,
): Promise<Response | Unanswered> {
  return new Promise((resolve) => {
    const tls = tlsOf(given, isEncrypted(url));
    const sockets = new WebDialler({ tls: tls && (() => tls) });
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
      token: tokenOf(token),
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
