/**
 * How often passwords may be tried at this node. Who guesses is slowed down: for one user from one
 * address by each failure, for all users of an address and for all addresses of a user by a rate.
 * Pure; time is the monotone clock.
 */

import { LOGIN_LIMITS } from '../access/limits.ts';

export interface LoginAttempt {
  /** As it was given: there may be no such user. */
  readonly user: string;
  /** With the port that it connects from; empty if unknown. */
  readonly address: string;
}

interface Failures {
  readonly count: number;
  /** No attempt is permitted before. */
  readonly until: number;
}

interface Rate {
  /** So many at once, */
  readonly burst: number;
  /** then one in this time. */
  readonly milliseconds: number;
}

const {
  addressAttempts,
  addressMilliseconds,
  userAttempts,
  userMilliseconds,
  failuresFree,
  waitMillisecondsMin,
  waitMillisecondsMax,
  rememberedMax,
} = LOGIN_LIMITS;
const OF_ADDRESS: Rate = { burst: addressAttempts, milliseconds: addressMilliseconds };
const OF_USER: Rate = { burst: userAttempts, milliseconds: userMilliseconds };

export class LoginLimiter {
  readonly #failures = new Map<string, Failures>();
  /** When all that was used is regained: the generic cell rate algorithm needs nothing else. */
  readonly #addresses = new Map<string, number>();
  readonly #users = new Map<string, number>();

  /** How many users and addresses it remembers. */
  get size(): number {
    return this.#failures.size + this.#addresses.size + this.#users.size;
  }

  /**
   * 0: it may be tried, and is counted, as a failure until `succeed`: so attempts that are made at
   * the same time do not escape. Otherwise the milliseconds to wait; then nothing is counted.
   */
  begin(attempt: LoginAttempt, now: number): number {
    const { user } = attempt;
    const [pair, network] = [pairOf(attempt), networkOf(attempt.address)];
    const failures = this.#failures.get(pair);
    const wait = Math.max(
      (failures?.until ?? 0) - now,
      waitBy(this.#addresses.get(network), OF_ADDRESS, now),
      waitBy(this.#users.get(user), OF_USER, now),
    );
    if (wait > 0) return Math.ceil(wait);
    remember(this.#failures, pair, nextFailure(failures, now), ({ until }) => until);
    remember(this.#addresses, network, used(this.#addresses.get(network), OF_ADDRESS, now));
    remember(this.#users, user, used(this.#users.get(user), OF_USER, now));
    return 0;
  }

  /** The password was right. The rates go on: they count successes too. */
  succeed(attempt: LoginAttempt): void {
    this.#failures.delete(pairOf(attempt));
  }
}

function pairOf({ user, address }: LoginAttempt): string {
  return JSON.stringify([networkOf(address), user]);
}

/** Failures are forgotten after the longest wait. */
function nextFailure(before: Failures | undefined, now: number): Failures {
  const isOld = before === undefined || now - before.until > waitMillisecondsMax;
  const count = isOld ? 1 : before.count + 1;
  const doublings = count - failuresFree;
  if (doublings < 0) return { count, until: now };
  const wait = Math.min(waitMillisecondsMin * 2 ** doublings, waitMillisecondsMax);
  return { count, until: now + wait };
}

function waitBy(regainedAt = 0, { burst, milliseconds }: Rate, now: number): number {
  return regainedAt - now - (burst - 1) * milliseconds;
}

function used(regainedAt = 0, { milliseconds }: Rate, now: number): number {
  return Math.max(regainedAt, now) + milliseconds;
}

/** The newest come last. What has to wait longest stays: no flood of others makes it forgotten. */
function remember<Value>(
  map: Map<string, Value>,
  key: string,
  value: Value,
  untilOf: (value: Value) => number = Number,
): void {
  map.set(key, value);
  if (map.size <= rememberedMax) return;
  let least: { readonly key: string; readonly until: number } | undefined;
  for (const [other, one] of map) {
    const until = untilOf(one);
    if (other !== key && (least === undefined || until < least.until))
      least = { key: other, until };
  }
  if (least !== undefined) map.delete(least.key);
}

/** Without the port; and of IPv6 the first 64 bits: one host may use all of the others. */
export function networkOf(address: string): string {
  const host = address.replace(/:\d+$/, '').replace(/^::ffff:(?=\d+\.)/i, '');
  const [plain = ''] = host.split('%');
  if (!plain.includes(':')) return plain;
  const [head = '', tail] = plain.split('::');
  const left = head === '' ? [] : head.split(':');
  const right = tail === undefined || tail === '' ? [] : tail.split(':');
  const zeros = Array.from({ length: Math.max(8 - left.length - right.length, 0) }, () => '0');
  const groups = [...left, ...(tail === undefined ? [] : zeros), ...right];
  return groups.slice(0, 4).join(':');
}
