/** One request in, one response out: served here, or forwarded one hop. */

import { unreachable } from '../base/assert.ts';
import { compareBytes } from '../base/bytes.ts';
import type { NodeId, ShardId } from '../base/ids.ts';
import { MACHINE_LIMITS, REQUEST_LIMITS, WIRE_LIMITS } from '../base/limits.ts';
import { TRANSACTION_LIMITS } from '../base/transaction-limits.ts';
import { CATALOG_SHARD, type ShardRow } from '../catalog/cluster-map.ts';
import {
  type CatalogCommand,
  decodeCommand,
  encodeCommand,
  encodeReply,
} from '../catalog/command.ts';
import { objectionOf } from '../catalog/membership.ts';
import { decodeBatch, faultOfBatch } from '../machine/batch.ts';
import type { Command } from '../machine/command.ts';
import { STAMP_BYTES_MAX } from '../machine/entry.ts';
import { decodeOperations, decodePrepare } from '../machine/transaction-codec.ts';
import { plausibleRank } from '../machine/transaction-id.ts';
import { makesRoom } from '../shard/full-disk.ts';
import { isOneKey } from '../shard/range-check.ts';
import type { Wanted } from '../shard/reads.ts';
import type { Replica } from '../shard/replica.ts';
import type { Responder } from '../shard/responder.ts';
import type { ReadLevel, Request } from '../wire/request.ts';
import type { Failure, Response } from '../wire/response.ts';
import { mayJoin } from './client-door.ts';
import type { NodeState } from './node-state.ts';
import type { Relay } from './relay.ts';
import { FAILURE_OF, refusalOf, refusedAcquires } from './request-refusal.ts';
import type { StoredPart } from './storage-growth.ts';
import type { StorageQuotas } from './storage-quotas.ts';

/** A request and where it came from. */
export interface Asked<T extends Request['type']> extends Source {
  readonly request: Request & { readonly type: T };
}

/** Where a request came from. */
export interface Source {
  readonly responder: Responder;
  /** Another node forwarded it: it is not forwarded again. */
  readonly isForwarded: boolean;
  /** The rights by which a forwarding node has permitted it, if it knows of any. */
  readonly accessVersion?: number | undefined;
  /** The node that has forwarded it. */
  readonly forwarder?: NodeId | undefined;
}

/** The requests that the router serves or forwards; the transactions' requests come above it. */
type Routed = Exclude<Request, { type: SelfRequest | 'transact' | 'settle' | CoordinationRequest }>;

/** About the node, its users and their rights. */
type SelfRequest = 'map' | 'info' | 'pending' | 'access' | 'login';

type CoordinationRequest = 'keep' | 'await-ticket' | 'coordination';

/** A request for one shard, to be served by its leader. */
type ShardRequest = Extract<Request, { readonly shard: unknown }>['type'];

export class Router {
  readonly #node: NodeState;
  readonly #relay: Relay;
  /** Undefined: nothing that is stored is limited. */
  readonly #quotas: StorageQuotas | undefined;

  constructor(node: NodeState, relay: Relay, quotas?: StorageQuotas) {
    this.#node = node;
    this.#relay = relay;
    this.#quotas = quotas;
  }

  route(request: Routed, source: Source): void {
    switch (request.type) {
      case 'write':
        return this.#write({ request, ...source });
      case 'command':
        return this.#command({ request, ...source });
      case 'read':
        return this.#read({ request, ...source }, { type: 'keys', keys: request.keys });
      case 'range':
        return this.#read({ request, ...source }, { type: 'range', range: request.range });
      case 'validate':
        return this.#validate({ request, ...source });
      case 'step':
        return this.#step({ request, ...source });
      case 'watch':
        return this.#watch({ request, ...source });
      case 'barrier':
        return this.#barrier({ request, ...source });
      case 'credit':
      case 'cancel':
      case 'reach':
        return steer(request, source.responder);
      default:
        return unreachable(request);
    }
  }

  #write(asked: Asked<'write'>): void {
    const { request, responder } = asked;
    if (this.#node.isClosing) return this.fail(asked, 'closing');
    const replica = this.leaderHere(request.shard);
    if (replica === undefined) return this.pass(asked);
    const failure = this.#faultOf(request);
    if (failure !== undefined) return replica.fail({ responder, id: request.id }, failure);
    const { id, shard, epoch, batch } = request;
    const excess = this.#quotas?.objectionTo(responder, () => partsOf(shard, batch));
    if (excess !== undefined) return responder.respond({ type: 'storage-limited', id, ...excess });
    const refused = refusedAcquires(batch, replica.machine);
    if (refused !== undefined) return replica.refuse({ responder, id }, ...refused);
    replica.stamp({ responder, id }, epoch, { type: 'batch', batch });
  }

  /** A prepare is validated before it is proposed; a resolution needs no validation. */
  #step(asked: Asked<'step'>): void {
    const { request, responder } = asked;
    const { id, shard, epoch, step, bytes } = request;
    const replica = this.leaderHere(shard);
    if (replica === undefined) return this.pass(asked);
    const isPrepare = step === 'prepare' || step === 'stage';
    const failure = isPrepare ? this.#faultOfPrepare(request) : undefined;
    if (failure !== undefined) return replica.fail({ responder, id }, failure);
    replica.stamp({ responder, id }, epoch, { type: step, bytes });
  }

  #faultOfPrepare({ shard, bytes }: Request & { readonly type: 'step' }): Failure | undefined {
    const row = this.rowOf(shard);
    if (this.#node.isClosing) return 'closing';
    if (row === undefined) return 'not-here';
    if (bytes.length + STAMP_BYTES_MAX > WIRE_LIMITS.payloadBytesMax) return 'too-large';
    const prepare = decodePrepare(bytes);
    if (prepare === undefined) return 'malformed';
    const { valueBytesMax, isReadOnly } = this.#node;
    return refusalOf(prepare.operations, { arc: row, valueBytesMax, isReadOnly });
  }

  #validate(asked: Asked<'validate'>): void {
    const { request } = asked;
    const checks = decodeOperations(request.checks);
    if (checks === undefined) return this.fail(asked, 'malformed');
    const failure = failureOfChecks(checks);
    if (failure !== undefined) return this.fail(asked, failure);
    if (request.level.type === 'stale') return this.fail(asked, 'malformed');
    this.#read(asked, { type: 'checks', checks, owner: request.owner });
  }

  /** A command for the catalog: like a write, but without a key. */
  #command(asked: Asked<'command'>): void {
    const { request, responder } = asked;
    const uninvited = this.#whyUninvited(request.command, responder);
    if (responder.isClient === true && uninvited !== undefined) {
      const reply = encodeReply({ type: 'refused', reason: uninvited });
      return responder.respond({ type: 'commanded', id: request.id, reply });
    }
    const replica = this.leaderHere(CATALOG_SHARD);
    if (replica === undefined) return this.pass(asked);
    // An unknown command in the log would stop every replica of the catalog for good.
    const decoded = decodeCommand(request.command);
    if (decoded.type !== 'known') return replica.fail({ responder, id: request.id }, 'malformed');
    const reason = objectionOf(this.#node.map, decoded.command, (node) => this.#node.isHeard(node));
    if (reason !== undefined) {
      const reply = encodeReply({ type: 'refused', reason });
      return responder.respond({ type: 'commanded', id: request.id, reply });
    }
    const command = this.#guarded(decoded.command, request.command, responder);
    if (command === undefined) {
      const reply = encodeReply({ type: 'refused', reason: 'no-secret' });
      return responder.respond({ type: 'commanded', id: request.id, reply });
    }
    replica.command({ responder: new CommandOrigin(responder), id: request.id }, command);
  }

  /**
   * What is proposed: a client's command names the rights by which it was permitted, because others
   * may be committed before it. Undefined: it would guard the clients' door and no other.
   */
  #guarded(
    command: CatalogCommand,
    bytes: Uint8Array,
    responder: Responder,
  ): Uint8Array | undefined {
    const { map, isGuarded } = this.#node;
    const isOpen = command.type === 'enable-access' && !isGuarded && !command.isForced;
    if (isOpen) return undefined;
    const { isEnabled = false, version: accessVersion = 0 } = map?.access ?? {};
    if (!isEnabled || responder.isClient !== true) return bytes;
    return encodeCommand({ type: 'permitted', accessVersion, command: bytes });
  }

  /** A request to join without the certificate of that node, or a proof of the cluster secret. */
  #whyUninvited(bytes: Uint8Array, responder: Responder) {
    const decoded = decodeCommand(bytes);
    if (decoded.type !== 'known' || decoded.command.type !== 'join') return undefined;
    const { secret, map } = this.#node;
    const { name } = decoded.command.description;
    if (responder.mayBringNode?.(name) === false) return 'wrong-certificate' as const;
    const terms = map && { secret, cluster: map.clusterId };
    const isInvited = terms === undefined || mayJoin(decoded.command, terms);
    return isInvited ? undefined : ('wrong-secret' as const);
  }

  #read(asked: Asked<'read'> | Asked<'range'> | Asked<'validate'>, what: Wanted): void {
    const { request, responder } = asked;
    const { shard, level, patienceMilliseconds } = request;
    const replica = this.#readableHere(shard, level);
    if (replica === undefined) return this.pass(asked);
    const requester = { responder, id: request.id };
    if (this.rowOf(shard)?.epoch !== request.epoch) return replica.fail(requester, 'not-here');
    const reserver = request.reserver && {
      ...request.reserver,
      ...plausibleRank(request.reserver, replica.logTime),
    };
    // A client may ask for any waiting time; the node limits it.
    const patience = Math.min(patienceMilliseconds, MACHINE_LIMITS.timeoutMillisecondsMax);
    const until = this.#node.now + patience;
    const { epoch } = request;
    const read = { requester, until, what, epoch, ...(reserver === undefined ? {} : { reserver }) };
    if (level.type === 'linearizable') replica.read(read);
    else if (level.type === 'lease') replica.readByLease(read);
    else replica.readStale(read, level.ageMilliseconds);
  }

  /** Any replica serves it, and none forwards it. */
  #watch(asked: Asked<'watch'>): void {
    const { request, responder } = asked;
    const { id, shard, epoch, from, to } = request;
    const replica = this.#node.replicas.get(shard);
    const isHere = replica !== undefined && this.rowOf(shard)?.epoch === epoch;
    const { streams } = responder;
    if (this.#node.isClosing) return this.fail(asked, 'closing');
    if (!isHere || streams === undefined) return this.fail(asked, 'not-here');
    if (shard === CATALOG_SHARD || isEmpty(from, to)) return this.fail(asked, 'malformed');
    if (!streams.admits(from.length + to.length)) return this.fail(asked, 'streams-full');
    const handle = replica.watch({ responder, id }, request);
    if (handle !== undefined) streams.attach(id, handle, from.length + to.length);
  }

  #barrier(asked: Asked<'barrier'>): void {
    const { request, responder } = asked;
    const { id, shard, epoch, from, to, isRecording, patienceMilliseconds } = request;
    // An entry that is not the catalog's own would stop all of its replicas.
    if (shard === CATALOG_SHARD || isEmpty(from, to)) return this.fail(asked, 'malformed');
    const replica = this.leaderHere(shard);
    if (replica === undefined) return this.pass(asked);
    const requester = { responder, id };
    if (this.rowOf(shard)?.epoch !== epoch) return replica.fail(requester, 'not-here');
    const patience = Math.min(patienceMilliseconds, MACHINE_LIMITS.timeoutMillisecondsMax);
    const until = this.#node.now + patience;
    replica.barrier({ requester, from: from.slice(), to: to.slice(), isRecording, epoch, until });
  }

  #faultOf(request: Request & { readonly type: 'write' }): Failure | undefined {
    const row = this.rowOf(request.shard);
    if (row === undefined || row.epoch !== request.epoch) return 'not-here';
    // With its stamp it has to be an entry that a frame can carry to the followers.
    const bytes = request.batch.length + STAMP_BYTES_MAX;
    if (bytes > WIRE_LIMITS.payloadBytesMax) return 'too-large';
    const { valueBytesMax, isReadOnly } = this.#node;
    const fault = faultOfBatch(request.batch, { arc: row, valueBytesMax });
    if (fault !== undefined) return FAILURE_OF[fault];
    const commands = isReadOnly ? (decodeBatch(request.batch)?.commands ?? []) : [];
    return commands.every(makesRoom) ? undefined : 'read-only';
  }

  rowOf(shard: ShardId): ShardRow | undefined {
    return this.#node.map?.shards[shard];
  }

  leaderHere(shard: ShardId): Replica | undefined {
    const replica = this.#node.replicas.get(shard);
    return replica?.isLeader ? replica : undefined;
  }

  #readableHere(shard: ShardId, level: ReadLevel): Replica | undefined {
    return level.type === 'stale' ? this.#node.replicas.get(shard) : this.leaderHere(shard);
  }

  /** Forwards to the leader, if it is known and the request was not forwarded before. */
  pass(asked: Asked<'command' | ShardRequest>): void {
    const { request, responder, isForwarded } = asked;
    const shard = 'shard' in request ? request.shard : CATALOG_SHARD;
    const relay = this.#relay;
    const leader = relay.leaderOf(shard);
    if (!isForwarded && leader !== undefined && relay.forward(leader, request, responder)) return;
    this.fail(asked, 'not-leader', leader);
  }

  fail(
    { request, responder }: { readonly request: Request; readonly responder: Responder },
    failure: Failure,
    leader?: NodeId,
  ): void {
    const retryAfterMilliseconds = 0;
    const { id } = request;
    responder.respond({
      type: 'failed',
      id,
      failure,
      time: 0,
      leader: leader ?? 0,
      retryAfterMilliseconds,
    });
  }
}

/** A message about an open stream; the stream may have just ended. */
function steer(
  request: Extract<Request, { readonly type: 'credit' | 'cancel' | 'reach' }>,
  { streams }: Responder,
): void {
  const stream = streams?.of(request.id);
  switch (request.type) {
    case 'credit':
      return stream?.grant(request.bytes);
    case 'reach':
      return stream?.reach(request.index);
    case 'cancel':
      stream?.cancel();
      return streams?.detach(request.id);
    default:
      return unreachable(request);
  }
}

/** The commands of a batch: each of them may be refused for what it adds. */
function partsOf(shard: ShardId, batch: Uint8Array): readonly StoredPart[] {
  return (decodeBatch(batch)?.commands ?? []).map((operations) => ({ shard, operations }));
}

/** No key lies in the range. */
function isEmpty(from: Uint8Array, to: Uint8Array): boolean {
  return to.length > 0 && compareBytes(from, to) >= 0;
}

/** A range check covers what one answer returned, so it has no more keys than an answer. */
function failureOfChecks(checks: Command): Failure | undefined {
  if (!checks.every(({ type }) => type.startsWith('check'))) return 'malformed';
  const ranges = checks.filter((check) => check.type === 'check-range');
  if (ranges.some(({ count }) => count > REQUEST_LIMITS.rowsMax)) return 'malformed';
  const { length } = ranges.filter((range) => !isOneKey(range));
  return length > TRANSACTION_LIMITS.rangesMax ? 'too-large' : undefined;
}

/** Turns the catalog's single reply into the response to a command. */
class CommandOrigin implements Responder {
  readonly #responder: Responder;
  readonly share: Responder['share'];

  constructor(responder: Responder) {
    this.#responder = responder;
    this.share = responder.share;
  }

  respond(response: Response): void {
    const reply = response.type === 'written' ? response.replies[0] : undefined;
    const { id } = response;
    this.#responder.respond(reply === undefined ? response : { type: 'commanded', id, reply });
  }
}
