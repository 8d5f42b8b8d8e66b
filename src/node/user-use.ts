/**
 * What each user uses of this node through all of its connections: its share, its limits, and how
 * much it has used. It outlives the connections: who connects again has no fresh limits.
 */

import type { AccessTable } from '../access/access-table.ts';
import { TokenBucket } from '../access/token-bucket.ts';
import { limitsOf, UNLIMITED, type UserLimitName, type UserLimits } from '../access/user-limits.ts';
import { FlowGroup } from '../shard/fair-queue.ts';
import type { Request } from '../wire/request.ts';
import type { Response } from '../wire/response.ts';
import { USER_LIMITS } from './limits.ts';
import { chargeOf } from './request-charge.ts';

/** The limit that a request exceeds. It is not served, and has no effect. */
type Limited = Pick<
  Extract<Response, { type: 'limited' }>,
  'limit' | 'allowed' | 'retryAfterMilliseconds'
>;

/** Of one user since the start of the node, or since it connected first. */
export interface UserUseInfo {
  readonly user: string;
  readonly connections: number;
  readonly watches: number;
  readonly requests: number;
  readonly bytes: number;
  /** Requests and connections that a limit refused. */
  readonly limited: number;
}

export class UserUse {
  readonly user: string;
  /** Its connections share one turn of the node. */
  readonly group = new FlowGroup();
  connections = 0;
  /** Open streams of watches. */
  streams = 0;
  #limits = UNLIMITED;
  #requests = 0;
  #bytes = 0;
  #limited = 0;
  readonly #now: () => number;
  readonly #requestTokens: TokenBucket;
  readonly #byteTokens: TokenBucket;

  /** `now` is the monotone clock. */
  constructor(user: string, now: () => number) {
    this.user = user;
    this.#now = now;
    this.#requestTokens = new TokenBucket(now());
    this.#byteTokens = new TokenBucket(now());
  }

  get limits(): UserLimits {
    return this.#limits;
  }

  setLimits(limits: UserLimits): void {
    this.#limits = limits;
    this.#requestTokens.setRate(limits.requestsPerSecond, this.#now());
    this.#byteTokens.setRate(limits.bytesPerSecond, this.#now());
  }

  /** One more connection, unless it has as many as it may have. */
  admitsConnection(): boolean {
    const { connections: allowed } = this.#limits;
    const isAdmitted = allowed === 0 || this.connections < allowed;
    if (!isAdmitted) this.#limited += 1;
    return isAdmitted;
  }

  /** Charges the request, or returns why it is refused. Required: a stream is counted already. */
  charge(request: Request, bytes: number): Limited | undefined {
    const cost = this.#hasLimits ? chargeOf(request) : 1;
    const limited = cost === 0 ? undefined : this.#objectionTo(request);
    if (limited !== undefined) {
      this.#limited += 1;
      return limited;
    }
    this.#requests += 1;
    this.#bytes += bytes;
    if (cost === 0) return undefined;
    this.#requestTokens.take(cost);
    this.#byteTokens.take(bytes);
    return undefined;
  }

  /** Answers, and messages of streams, have left. Their size is not known before. */
  answered(bytes: number): void {
    this.#bytes += bytes;
    this.#byteTokens.take(bytes);
  }

  info(): UserUseInfo {
    const { user, connections, streams: watches } = this;
    const [requests, bytes, limited] = [this.#requests, this.#bytes, this.#limited];
    return { user, connections, watches, requests, bytes, limited };
  }

  get #hasLimits(): boolean {
    return this.#limits !== UNLIMITED;
  }

  #objectionTo({ type }: Request): Limited | undefined {
    const now = this.#now();
    const { watches } = this.#limits;
    if (type === 'watch' && watches > 0 && this.streams > watches) {
      return this.#limitedBy('watches', USER_LIMITS.watchRetryMilliseconds);
    }
    const [requestWait, byteWait] = [this.#requestTokens.waitAt(now), this.#byteTokens.waitAt(now)];
    if (Math.max(requestWait, byteWait) === 0) return undefined;
    return requestWait >= byteWait
      ? this.#limitedBy('requestsPerSecond', requestWait)
      : this.#limitedBy('bytesPerSecond', byteWait);
  }

  #limitedBy(limit: UserLimitName, retryAfterMilliseconds: number): Limited {
    return { limit, allowed: this.#limits[limit], retryAfterMilliseconds };
  }
}

/** Bounded by the number of users that the catalog keeps. */
export class UserUses {
  readonly #now: () => number;
  readonly #uses = new Map<string, UserUse>();

  constructor(now: () => number) {
    this.#now = now;
  }

  /** Required: the catalog has the user, and access control is enabled. */
  of(user: string, { limited }: AccessTable): UserUse {
    const known = this.#uses.get(user);
    if (known !== undefined) return known;
    const use = new UserUse(user, this.#now);
    use.setLimits(limitsOf(limited, user));
    this.#uses.set(user, use);
    return use;
  }

  /** Limits hold with access control only. Users without a row are forgotten. */
  learn({ isEnabled, isHidden, users, limited }: AccessTable): void {
    if (isHidden) return;
    const names = new Set(users.map(({ name }) => name));
    for (const [user, use] of this.#uses) {
      use.setLimits(isEnabled ? limitsOf(limited, user) : UNLIMITED);
      if (!names.has(user)) this.#uses.delete(user);
    }
  }

  /** Those with the most requests. */
  infos(): readonly UserUseInfo[] {
    const all = [...this.#uses.values()].map((use) => use.info());
    const byRequests = all.sort((one, other) => other.requests - one.requests);
    return byRequests.slice(0, USER_LIMITS.usersShownMax);
  }
}
