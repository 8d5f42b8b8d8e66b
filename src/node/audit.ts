/**
 * What the audit trail is told of clients: who they are, and what becomes of the requests that have
 * to be audited. The node that a client is connected to tells it; a denial is told by the node that
 * denies. With a fail-closed policy a request waits here until its line is durable.
 */

import { faultOfCredential, type Principal } from '../access/principal.ts';
import { hexOf } from '../access/token.ts';
import type { AuditPolicy } from '../audit/policy.ts';
import type { AuditActor, AuditProgress, AuditRecord } from '../audit/record.ts';
import { decodeReply as decodeCatalogReply } from '../catalog/command.ts';
import { outcomeBy } from '../machine/outcome.ts';
import { decodeReply, type Reply } from '../machine/reply.ts';
import { FAIRNESS_LIMITS } from '../shard/fairness-limits.ts';
import type { Responder } from '../shard/responder.ts';
import type { ClientHello } from '../wire/hello.ts';
import { decodeRequests, encodeRequests, type Request } from '../wire/request.ts';
import { effectOf, type Failure, type Response } from '../wire/response.ts';
import { type AuditSubject, describe, subjectOf } from './audit-subjects.ts';
import { ConnectedClient, type NamedRequest } from './clients.ts';
import { AUDIT_NODE_LIMITS } from './limits.ts';
import type { NodeState } from './node-state.ts';
import type { Source } from './router.ts';

type Node = Pick<NodeState, 'mention' | 'fair' | 'map' | 'wall' | 'now'>;

/** Of a login: never its password. */
type LoginSubject = Pick<Extract<Request, { readonly type: 'login' }>, 'user' | 'scope'>;

/** How a request is served. */
interface Service {
  readonly client: ConnectedClient;
  readonly request: Request;
  /** Its client may not ask it: it waits for no line, and `run` refuses it. */
  readonly isDenied: () => boolean;
  readonly run: (request: Request) => void;
}

/** What waits for its line. */
interface Held {
  readonly at: number;
  readonly bytes: number;
  readonly isGone: () => boolean;
  /** The line is durable. */
  readonly run: () => void;
  /** No line can be written. */
  readonly refuse: () => void;
}

export class Audit {
  readonly #node: Node;
  readonly #policy: AuditPolicy;
  /** In the order of their numbers. */
  readonly #held = new Map<number, Held>();
  #heldBytes = 0;
  /** No line became durable for long, until one does. */
  #isStuck = false;
  #number = 0;
  /** Undefined until the trail has reported. */
  progress: AuditProgress | undefined;
  /** Denials of this second. */
  #denials = { since: 0, told: 0, withheld: 0 };

  constructor(node: Node, policy: AuditPolicy) {
    this.#node = node;
    this.#policy = policy;
  }

  /**
   * A client has said hello, and was perhaps refused for a limit of its user. False: it cannot be
   * audited, so the client has to go.
   */
  meet(client: ConnectedClient, hello: ClientHello, limit?: string): boolean {
    const { certificate, credential, address: from } = client;
    if (hello.type !== 'bearer' && certificate === undefined) return true;
    if (this.#isClosed) return false;
    const { map, wall } = this.#node;
    const isUnknownHere = credential !== undefined && map?.access?.isHidden === true;
    const fault = limit ?? (credential && faultOfCredential(map?.access, credential, wall));
    const by = [credential && 'token', certificate && 'certificate'].filter(Boolean);
    const outcome = isUnknownHere ? 'unknown' : fault === undefined ? 'ok' : 'refused';
    if (outcome === 'refused' && !this.#mayTellDenial()) return true;
    const why = isUnknownHere ? 'this node does not know the users yet' : fault;
    const about = { who: actorOf(client), from, what: 'hello', on: { by }, outcome } as const;
    this.#tell({ kind: 'authentication', ...about, ...(why === undefined ? {} : { why }) });
    return true;
  }

  /** Whether passwords may be checked: what becomes of it can be audited. */
  get admitsLogins(): boolean {
    return !this.#isClosed;
  }

  /** A right password is about to become a token, once a line says so if that is demanded. */
  beginLogin(client: Responder, subject: LoginSubject, next: Pick<Held, 'run' | 'refuse'>): void {
    if (!this.#policy.isFailClosed) return next.run();
    if (this.#isClosed) return next.refuse();
    this.#number += 1;
    this.#tell({ request: this.#number, ...loginAbout(client, subject), outcome: 'begun' });
    const isGone = () => client.share?.isGone === true;
    this.#held.set(this.#number, { at: this.#node.now, bytes: 0, isGone, ...next });
  }

  /** A client has tried a password: how it was answered. */
  login(client: Responder, subject: LoginSubject, end: Response): void {
    const why = end.type === 'failed' ? end.failure : undefined;
    const isDoubtful = why !== undefined && effectOf(why) === 'unknown';
    const outcome = why === undefined ? 'ok' : isDoubtful ? 'unknown' : 'refused';
    if (outcome === 'refused' && !this.#mayTellDenial()) return;
    const reason = why === undefined ? {} : { why };
    this.#tell({ ...loginAbout(client, subject), outcome, ...reason });
  }

  /** Undefined: the request is not audited. Required: it is open. */
  name(client: ConnectedClient, request: Request): AuditedRequest | undefined {
    const subject = subjectOf(request, this.#policy.rules);
    if (subject === undefined) return undefined;
    this.#number += 1;
    const about = { who: actorOf(client), from: client.address, ...subject };
    const isStream = request.type === 'watch';
    const named = new AuditedRequest({
      ...{ number: this.#number, about, isStream },
      tell: (record) => this.#tell(record),
      mayTellRefusal: () => this.#mayTellDenial(),
    });
    client.name(request.id, named);
    return named;
  }

  /** Serves a named request: now, or once its line is durable, or never. */
  serve(named: AuditedRequest, service: Service): void {
    const { client, request, isDenied, run } = service;
    if (isDenied()) return run(request);
    if (!this.#policy.isFailClosed) {
      if (request.type === 'watch') named.begin();
      return run(request);
    }
    if (this.#isClosed) return refuse(client, request, 'audit-unavailable');
    const { own, bytes } = ownCopyOf(request);
    if (this.#heldBytes + bytes > AUDIT_NODE_LIMITS.heldBytesMax) {
      return refuse(client, request, 'overloaded');
    }
    named.begin();
    named.isHeld = true;
    this.#heldBytes += bytes;
    this.#held.set(named.number, {
      at: this.#node.now,
      bytes,
      isGone: () => client.share.isGone,
      run: () => this.#release(named, { ...service, request: own }, bytes),
      refuse: () => refuse(client, own, 'audit-unavailable'),
    });
  }

  /** Whether a message about a stream has to wait, as the request for the stream does. */
  defers(client: ConnectedClient, id: number, run: () => void): boolean {
    const named = client.namedRequest(id);
    if (!(named instanceof AuditedRequest) || !named.isHeld) return false;
    if (named.deferred.length < AUDIT_NODE_LIMITS.deferredMax) named.deferred.push(run);
    return true;
  }

  /** The trail reports what is durable, and whether it can be written. */
  heed(progress: AuditProgress): void {
    if (progress.durable > (this.progress?.durable ?? 0)) this.#isStuck = false;
    this.progress = progress;
    for (const [number, held] of this.#held) {
      const isDurable = number <= progress.durable;
      if (!isDurable && progress.isWorking) return;
      this.#held.delete(number);
      this.#heldBytes -= held.bytes;
      if (held.isGone()) continue;
      if (isDurable) held.run();
      else held.refuse();
    }
  }

  /** A request that no table makes audited is audited if it is denied. */
  deny(request: Request, { responder, isForwarded, forwarder }: Source, failure: Failure): void {
    if (!DENIALS.has(failure)) return;
    // Its own line tells it.
    if (responder instanceof ConnectedClient && responder.namedRequest(request.id)) return;
    if (!this.#mayTellDenial()) return;
    const isHere = responder instanceof ConnectedClient;
    const who = isHere ? actorOf(responder) : actorOf({ principal: responder.principal });
    const from = isHere ? responder.address : isForwarded ? `node ${forwarder ?? '?'}` : '';
    const about = { who, from, ...describe(request), outcome: 'refused', why: failure } as const;
    this.#tell({ kind: 'request', ...about });
  }

  tick(): void {
    this.#endSecond();
    this.#refuseOverdue();
  }

  /** The disk does not answer. What has waited for long must not be served once it does. */
  #refuseOverdue(): void {
    const [oldest] = this.#held.values();
    const { heldMillisecondsMax } = AUDIT_NODE_LIMITS;
    if (oldest === undefined || this.#node.now - oldest.at < heldMillisecondsMax) return;
    this.#isStuck = true;
    const overdue = [...this.#held.values()];
    this.#held.clear();
    this.#heldBytes = 0;
    for (const { isGone, refuse: give } of overdue) if (!isGone()) give();
  }

  /** A fail-closed policy, and no line can be written. */
  get #isClosed(): boolean {
    const isOpen = this.progress?.isWorking === true && !this.#isStuck;
    return this.#policy.isFailClosed && !isOpen;
  }

  /** In the turn of its client. */
  #release(named: AuditedRequest, { client, request, run }: Service, bytes: number): void {
    const serve = () => {
      named.isHeld = false;
      run(request);
      for (const steer of named.deferred.splice(0)) steer();
      return FAIRNESS_LIMITS.requestCost + bytes;
    };
    this.#node.fair.add(client.share, { run: serve, isOver: true }, 'asked');
  }

  /** A flood of denials must not push everything else out of the trail: it is counted. */
  #mayTellDenial(): boolean {
    this.#endSecond();
    const denials = this.#denials;
    const isTold = denials.told < AUDIT_NODE_LIMITS.denialsPerSecond;
    if (isTold) denials.told += 1;
    else denials.withheld += 1;
    return isTold;
  }

  #endSecond(): void {
    const { now } = this.#node;
    const { since, withheld } = this.#denials;
    if (now - since < SECOND) return;
    this.#denials = { since: now, told: 0, withheld: 0 };
    if (withheld === 0) return;
    const about = { who: 'anonymous', from: '', what: 'denials', on: { count: withheld } } as const;
    this.#tell({ kind: 'request', ...about, outcome: 'refused' });
  }

  #tell(record: AuditRecord): void {
    this.#node.mention({ type: 'audit', record });
  }
}

const SECOND = 1000;

/** The client may not ask it. Other refusals concern requests that it may ask. */
const DENIALS: ReadonlySet<Failure> = new Set(['nodes-only', 'unauthenticated', 'forbidden']);

interface AuditedRequestOptions {
  readonly number: number;
  readonly about: AuditSubject & { readonly who: AuditActor; readonly from: string };
  /** It has many responses. */
  readonly isStream: boolean;
  readonly tell: (record: AuditRecord) => void;
  /** False: too many requests were refused in this second; it is counted. */
  readonly mayTellRefusal: () => boolean;
}

/** A request with lines: when it ends, and before it is served if that is held or long. */
class AuditedRequest implements NamedRequest {
  readonly #options: AuditedRequestOptions;
  /** It waits for its line, so it has had no effect. */
  isHeld = false;
  #hasBegun = false;
  /** What its client has said of the stream meanwhile. */
  readonly deferred: (() => void)[] = [];

  constructor(options: AuditedRequestOptions) {
    this.#options = options;
  }

  get number(): number {
    return this.#options.number;
  }

  begin(): void {
    this.#hasBegun = true;
    this.#tell('begun');
  }

  end(by: Response | 'closed' | 'cancelled'): void {
    const { isStream } = this.#options;
    if (by === 'cancelled') return this.#tell('ended', 'the client has ended it');
    if (by === 'closed') {
      const outcome = this.isHeld ? 'refused' : isStream ? 'ended' : 'unknown';
      return this.#tell(outcome, 'the connection was closed');
    }
    if (by.type === 'commanded') {
      const reply = decodeCatalogReply(by.reply);
      return reply?.type === 'refused' ? this.#tell('refused', reply.reason) : this.#tell('ok');
    }
    if (by.type === 'written') return this.#endWritten(by.replies.map(decodeReply));
    if (by.type === 'limited' || by.type === 'storage-limited') {
      return this.#tellRefusal(`limit ${by.limit}`);
    }
    if (by.type !== 'failed') return this.#tell('ok');
    const { failure } = by;
    const isRefused = DENIALS.has(failure) || failure === 'audit-unavailable';
    if (isStream && !isRefused) return this.#tell('ended', failure);
    if (effectOf(failure) === 'unknown') return this.#tell('unknown', failure);
    this.#tellRefusal(failure);
  }

  /** Of a request that was not served. Strangers can have any number of them. */
  #tellRefusal(why: string): void {
    if (this.#hasBegun || this.#options.mayTellRefusal()) this.#tell('refused', why);
  }

  /** The shard has answered each command: what it did, or why it had no effect. */
  #endWritten(replies: readonly (Reply | undefined)[]): void {
    const { what } = this.#options.about;
    // What it aborts or finds committed is its result.
    if (what === 'settle') return this.#tell('ok', outcomeBy(replies[0]));
    const reasons = what === 'validate' ? [] : replies.flatMap(reasonOf);
    if (reasons.length === 0) return this.#tell('ok');
    if (reasons.length < replies.length) {
      return this.#tell('ok', `${reasons.length} of ${replies.length} commands had no effect`);
    }
    const isForgotten = reasons.includes('acknowledged');
    this.#tell(isForgotten ? 'unknown' : 'refused', [...new Set(reasons)].join());
  }

  #tell(outcome: AuditRecord['outcome'], why?: string): void {
    const { number: request, about, tell } = this.#options;
    tell({ kind: 'request', request, ...about, outcome, ...(why === undefined ? {} : { why }) });
  }
}

/** Why a command had no effect; nothing if it had one. */
function reasonOf(reply: Reply | undefined): readonly string[] {
  if (reply === undefined || reply.type === 'done' || reply.type === 'committed') return [];
  return [reply.type === 'refused' ? reply.reason : reply.type];
}

function loginAbout(client: Responder, { user, scope }: LoginSubject) {
  const who = client instanceof ConnectedClient ? actorOf(client) : 'anonymous';
  const from = client.address ?? '';
  return { kind: 'authentication', who, from, what: 'login', on: { user, scope } } as const;
}

/** Who a client is, as far as it has shown it. */
function actorOf({
  principal,
  credential,
  certificate,
}: {
  readonly principal: Principal | undefined;
  readonly credential?: ConnectedClient['credential'];
  readonly certificate?: string | undefined;
}): AuditActor {
  const id = principal?.token ?? credential?.token;
  // The user of a certificate has no token.
  const token = id === undefined || id.length === 0 ? undefined : id;
  const isKnown = principal !== undefined || token !== undefined || certificate !== undefined;
  if (!isKnown) return 'anonymous';
  return {
    ...(principal === undefined ? {} : { user: principal.user }),
    ...(token === undefined ? {} : { token: hexOf(token) }),
    ...(certificate === undefined ? {} : { certificate }),
  };
}

/** Not as views on the frame, which may be much larger. */
function ownCopyOf(request: Request): { readonly own: Request; readonly bytes: number } {
  const frame = encodeRequests([request]);
  const [own = request] = decodeRequests(frame) ?? [];
  return { own, bytes: frame.length };
}

function refuse(client: ConnectedClient, { id }: Request, failure: Failure): void {
  const { auditRetryMilliseconds: retryAfterMilliseconds } = AUDIT_NODE_LIMITS;
  client.respond({ type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds });
}
