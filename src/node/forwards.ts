/**
 * Requests that arrived at a node that does not lead their shard, forwarded to the leader: one hop,
 * never more.
 */

import type { Principal } from '../access/principal.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import { NODE_LIMITS } from '../base/node-limits.ts';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import type { Flow } from '../shard/fair-queue.ts';
import { FairQuota } from '../shard/fair-quota.ts';
import { SHARD_LIMITS } from '../shard/limits.ts';
import type { Responder } from '../shard/responder.ts';
import type { NodeMessage } from '../wire/node-message.ts';
import { decodeRequests, encodeRequests, type Request } from '../wire/request.ts';
import { decodeResponses, encodeResponses, endsRequest, type Response } from '../wire/response.ts';

interface Forward {
  readonly responder: Responder;
  /** The id that the requester gave it. */
  readonly id: number;
  readonly shard: ShardId;
  readonly to: NodeId;
  readonly isWrite: boolean;
  readonly bytes: number;
  readonly until: number;
}

export type Send = (to: NodeId, message: NodeMessage, how?: { readonly hasHurry: boolean }) => void;

interface ForwardsOptions {
  readonly send: Send;
  /**
   * Where ids begin: random, so that an answer to a former life of this node matches no request of
   * this life.
   */
  readonly firstId: number;
  /** The asked node does not lead the shard; it names the leader, or 0. */
  readonly onMissed: (shard: ShardId, leader: number) => void;
}

export class Forwards {
  readonly #options: ForwardsOptions;
  readonly #open = new Map<number, Forward>();
  readonly #portions = new FairQuota({ max: NODE_LIMITS.forwardsMax });
  /** They wait here and there, and wait there undecoded. */
  readonly #bytes = new FairQuota({ max: NODE_LIMITS.forwardsBytesMax });
  #nextId: number;

  constructor(options: ForwardsOptions) {
    this.#options = options;
    this.#nextId = options.firstId;
  }

  /** Requests that wait for another node's answer. */
  get size(): number {
    return this.#open.size;
  }

  /** False if too many wait, in total or of this requester. It leaves at the end of the turn. */
  send(to: NodeId, asked: AskedBy): boolean {
    const { request, responder, now, accessVersion = 0 } = asked;
    const { share } = responder;
    const bytes = encodeRequests([request]);
    const mayBe = this.#bytes.of(share) === 0 || this.#bytes.admits(share, bytes.length);
    if (!mayBe || !this.#portions.admits(share)) return false;
    this.#portions.add(share);
    this.#bytes.add(share, bytes.length);
    const id = this.#nextId;
    this.#nextId += 1;
    // A node's own request carries no client number.
    const client = responder.isClient === true ? (share?.client ?? 0) : 0;
    const how = { hasHurry: isAwaited(request) };
    const forwarded = { id, client, request: bytes };
    this.#options.send(to, forwardedFor(responder.principal, forwarded, accessVersion), how);
    // The outcome of a pure read is never in doubt.
    const isWrite = !READING.includes(request.type);
    const until = now + waitOf(request) + NODE_LIMITS.forwardMilliseconds;
    const shard = shardOf(request);
    const about = { shard, to, isWrite, until, bytes: bytes.length };
    this.#open.set(id, { responder, id: request.id, ...about });
    return true;
  }

  /** Another node's answer to a forwarded request. */
  answer(from: NodeId, id: number, bytes: Uint8Array): void {
    const forward = this.#open.get(id);
    if (forward?.to !== from) return;
    const { share } = forward.responder;
    // The client is gone, so the answer is not decoded.
    if (share?.isGone === true) return this.#close(id, forward);
    const response = decodeResponses(bytes)?.[0];
    // Streams are not forwarded, so each request has one answer.
    if (response === undefined || !endsRequest(response)) return;
    this.#close(id, forward);
    if (response.type === 'failed' && response.failure === 'not-leader') {
      this.#options.onMissed(forward.shard, response.leader);
    }
    forward.responder.respond({ ...response, id: forward.id });
    if (response.type !== 'failed') forward.responder.hint?.(forward.shard, forward.to);
  }

  /** A request in flight to it may have arrived, and its answer will not. */
  lose(node: NodeId): void {
    this.#end((forward) => forward.to === node);
  }

  expire(now: number): void {
    this.#end((forward) => forward.until <= now);
  }

  /** It did not leave, so it has not taken effect. */
  unsent(id: number): void {
    const forward = this.#open.get(id);
    if (forward !== undefined) this.#fail(id, forward, 'not-leader');
  }

  #end(isOver: (forward: Forward) => boolean): void {
    for (const [id, forward] of this.#open) {
      if (isOver(forward)) this.#fail(id, forward, forward.isWrite ? 'lost' : 'not-leader');
    }
  }

  #fail(id: number, forward: Forward, failure: 'lost' | 'not-leader'): void {
    this.#close(id, forward);
    this.#options.onMissed(forward.shard, 0);
    const nothingKnown = { time: 0, leader: 0, retryAfterMilliseconds: 0 };
    forward.responder.respond({ type: 'failed', id: forward.id, failure, ...nothingKnown });
  }

  #close(id: number, { responder, bytes }: Forward): void {
    this.#open.delete(id);
    this.#portions.remove(responder.share);
    this.#bytes.remove(responder.share, bytes);
  }
}

type Forwarded = Omit<Extract<NodeMessage, { readonly type: 'forward' }>, 'type'>;

/** The other node looks up who it is for, by what proved it here. */
function forwardedFor(
  principal: Principal | undefined,
  forwarded: Forwarded,
  accessVersion: number,
): NodeMessage {
  if (principal === undefined) return { type: 'forward', ...forwarded };
  const { token, user } = principal;
  if (token.length === 0) return { type: 'forward-for', ...forwarded, user, accessVersion };
  return { type: 'forward-as', ...forwarded, token, accessVersion };
}

const READING: readonly Request['type'][] = [
  ...(['read', 'range', 'validate'] as const),
  ...(['barrier', 'await-ticket', 'coordination'] as const),
];

/**
 * Whether a requester waits for it. A request that meets a lock asks the home shard by itself, and
 * only the sweep of old decisions waits for the acknowledgement of a resolution.
 */
function isAwaited(request: Request): boolean {
  return request.type !== 'step' || request.step !== 'resolve';
}

/** How long its answer may wait for anything but disks and links. */
function waitOf(request: Request): number {
  if (request.type !== 'await-ticket') return 0;
  return Math.min(request.patienceMilliseconds, SHARD_LIMITS.awaitMillisecondsMax);
}

interface AskedBy {
  readonly request: Request;
  readonly responder: Responder;
  readonly now: number;
  /** The rights by which this node permitted it. */
  readonly accessVersion?: number;
}

interface ForwardedOriginOptions {
  readonly principal: Principal | undefined;
  readonly share: Flow;
  readonly id: number;
  readonly from: NodeId;
  readonly request: Request;
  readonly send: Send;
  /** Reports the bytes of each answer. */
  readonly onBytes: (bytes: number) => void;
}

/** The far end: the answer to a forwarded request returns to the forwarding node. */
export class ForwardedOrigin implements Responder {
  readonly isClient: boolean;
  readonly principal: Principal | undefined;
  readonly share: Flow;
  readonly #id: number;
  readonly #from: NodeId;
  readonly #send: Send;
  readonly #hasHurry: boolean;
  readonly #onBytes: (bytes: number) => void;

  constructor(options: ForwardedOriginOptions) {
    this.isClient = options.share.client > 0;
    this.principal = options.principal;
    this.share = options.share;
    this.#id = options.id;
    this.#from = options.from;
    this.#send = options.send;
    this.#onBytes = options.onBytes;
    this.#hasHurry = isAwaited(options.request);
  }

  respond(response: Response): void {
    const bytes = encodeResponses([response]);
    const how = { hasHurry: this.#hasHurry };
    this.#onBytes(bytes.length);
    this.#send(this.#from, { type: 'forwarded', id: this.#id, response: bytes }, how);
  }
}

/** Of requests for one shard; commands are for the catalog. */
function shardOf(request: Request): ShardId {
  return 'shard' in request ? request.shard : CATALOG_SHARD;
}

/** The one request in a forwarded frame. */
export function forwardedRequest(bytes: Uint8Array): Request | undefined {
  const requests = decodeRequests(bytes);
  return requests?.length === 1 ? requests[0] : undefined;
}
