/** Roles: what their users may do with which keys, and what they may ask of the cluster. */

/**
 * What may be done with keys.
 * - `read`: see values and versions, also by checks, scans and counts.
 * - `write`: set, delete, append, arithmetic, time to live. What such a call returns is seen too.
 * - `watch`: see changes as they happen, with their values.
 * - `lock`: take and give back the lock of that name, wait for it, and fence writes by it.
 */
export const KEY_VERBS = ['read', 'write', 'watch', 'lock'] as const;

/**
 * What may be asked of the cluster as a whole.
 * - `observe`: the state of nodes, of leases, of locks and of pending transactions.
 * - `nodes`: add, drain and remove nodes.
 * - `transactions`: end the transactions of others.
 * - `access`: see and change users, tokens and roles.
 */
export const ADMIN_VERBS = ['observe', 'nodes', 'transactions', 'access'] as const;

/** One of the things that may be done with keys. */
export type KeyVerb = (typeof KEY_VERBS)[number];
/** One of the things that may be asked of the cluster. */
export type AdminVerb = (typeof ADMIN_VERBS)[number];

/** Keys, and what may be done with them. */
export interface KeyGrant {
  /** The first key. */
  readonly from: Uint8Array;
  /** The first key behind the range; no bytes leave the end open. */
  readonly to: Uint8Array;
  /** What may be done with them. */
  readonly verbs: readonly KeyVerb[];
}

/** What its users may do: the union of its grants and admin verbs, and nothing else. */
export interface Role {
  /** Unique in the cluster. */
  readonly name: string;
  /** What may be done with which keys. */
  readonly grants: readonly KeyGrant[];
  /** What may be asked of the cluster. */
  readonly admin: readonly AdminVerb[];
}

const ALL_KEYS = { from: new Uint8Array(0), to: new Uint8Array(0) } as const;

/** Every cluster has them; they cannot be changed or deleted. */
export const BUILT_IN_ROLES: readonly Role[] = [
  { name: 'root', grants: [{ ...ALL_KEYS, verbs: KEY_VERBS }], admin: ADMIN_VERBS },
  { name: 'operator', grants: [], admin: ['observe', 'nodes', 'transactions'] },
  { name: 'reader', grants: [{ ...ALL_KEYS, verbs: ['read', 'watch'] }], admin: [] },
  { name: 'writer', grants: [{ ...ALL_KEYS, verbs: KEY_VERBS }], admin: [] },
];

/** The role that may do everything. */
export const ROOT_ROLE = 'root';

export function isBuiltIn(name: string): boolean {
  return BUILT_IN_ROLES.some((role) => role.name === name);
}
