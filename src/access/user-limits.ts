/** What each user may use of a node at most. The limits of a user hold at each node separately. */

/**
 * - `requestsPerSecond`: single operations, after a burst of one second.
 * - `bytesPerSecond`: of requests and of answers, after a burst of one second.
 * - `connections`: at one node.
 * - `watches`: open streams at one node. A watch has one for each shard of its range.
 */
export const USER_LIMIT_NAMES = [
  'requestsPerSecond',
  'bytesPerSecond',
  'connections',
  'watches',
] as const;

/** One of the things that are limited. */
export type UserLimitName = (typeof USER_LIMIT_NAMES)[number];

/** What a user may use of each node; 0 for what is not limited. */
export type UserLimits = { readonly [Name in UserLimitName]: number };

/** The limits of a user, by its name. */
export interface LimitedUser extends UserLimits {
  /** The name of the user. */
  readonly user: string;
}

export const UNLIMITED: UserLimits = {
  ...{ requestsPerSecond: 0, bytesPerSecond: 0, connections: 0, watches: 0 },
};

export function limitsOf(limited: readonly LimitedUser[], name: string): UserLimits {
  return limited.find(({ user }) => user === name) ?? UNLIMITED;
}

export function isUnlimited(limits: UserLimits): boolean {
  return USER_LIMIT_NAMES.every((name) => limits[name] === 0);
}

const ALLOWED: Readonly<Record<UserLimitName, (allowed: number) => string>> = {
  requestsPerSecond: (allowed) => `may make ${allowed} requests a second`,
  bytesPerSecond: (allowed) => `may send and receive ${allowed} bytes a second`,
  connections: (allowed) => `may have ${allowed} connections`,
  watches: (allowed) => `may have ${allowed} streams of watches open`,
};

/** For errors: `the user may make 10 requests a second at this node (requestsPerSecond)`. */
export function limitText(limit: UserLimitName, allowed: number): string {
  return `the user ${ALLOWED[limit](allowed)} at this node (${limit})`;
}
