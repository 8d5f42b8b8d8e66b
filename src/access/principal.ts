/**
 * Who makes a request, and whether the request is permitted. The one place that decides it: every
 * door asks here. Denied unless a grant says otherwise.
 */

import { unreachable } from '../base/assert.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import { isSameDigest } from '../base/sha256.ts';
import {
  type AccessTable,
  roleNamed,
  rolesOfToken,
  type TokenRow,
  type User,
  userNamed,
} from './access-table.ts';
import { contains, containsKey, type Interval, merged } from './intervals.ts';
import { type AdminVerb, KEY_VERBS, type KeyVerb, type Role } from './role.ts';

/** What a request needs of the principal that makes it; any of the verbs suffices. */
export type Need =
  | { readonly type: 'key'; readonly verbs: readonly KeyVerb[]; readonly key: Uint8Array }
  /** The range has to lie wholly inside what is granted. */
  | {
      readonly type: 'range';
      readonly verbs: readonly KeyVerb[];
      readonly from: Uint8Array;
      readonly to: Uint8Array;
    }
  /** On some key, or for all. What the request names is unguessable: its maker knows it. */
  | { readonly type: 'own'; readonly verbs: readonly KeyVerb[]; readonly admin: AdminVerb }
  /** The token of the principal itself, or any for an administrator. */
  | { readonly type: 'token'; readonly id: Uint8Array; readonly admin: AdminVerb }
  | { readonly type: 'admin'; readonly verb: AdminVerb };

export interface Principal {
  readonly user: string;
  /** Names of the roles that it has. */
  readonly roles: readonly string[];
  /** The id of its token, by which other nodes know it; no bytes: a certificate names the user. */
  readonly token: Uint8Array;
  /** Of its token or certificate, in milliseconds since 1970; 0: never. */
  readonly expiresAt: number;
  readonly ranges: Readonly<Record<KeyVerb, readonly Interval[]>>;
  readonly admin: ReadonlySet<AdminVerb>;
}

/** What a client presents: the id of a token, and the digest of its secret. */
export interface Credential {
  readonly token: Uint8Array;
  readonly digest: Uint8Array;
}

/** Undefined if the token is unknown, has expired, or its secret is another one. */
export function principalBy(
  table: AccessTable,
  { token: id, digest }: Credential,
  wall: number,
): Principal | undefined {
  const row = rowOf(table, id);
  // The time of this comparison does not depend on where digests differ.
  if (row === undefined || !isSameDigest(row.digest, digest)) return undefined;
  return principalOf(table, id, wall);
}

/** Why a credential is of no use; undefined if it is that of a user. */
export function faultOfCredential(
  table: AccessTable | undefined,
  { token: id, digest }: Credential,
  wall: number,
): 'unknown-token' | 'wrong-secret' | 'expired' | 'unknown-user' | undefined {
  const row = table && rowOf(table, id);
  if (table === undefined || row === undefined) return 'unknown-token';
  if (!isSameDigest(row.digest, digest)) return 'wrong-secret';
  if (isExpired(row, wall)) return 'expired';
  return userNamed(table, row.user) === undefined ? 'unknown-user' : undefined;
}

/** Who a token stands for, once another node has seen its secret. */
export function principalOf(
  table: AccessTable,
  id: Uint8Array,
  wall: number,
): Principal | undefined {
  const row = rowOf(table, id);
  if (row === undefined || isExpired(row, wall)) return undefined;
  const user = userNamed(table, row.user);
  return user && principalWith(table, user, { ...row, token: id });
}

/** A user that an authority vouches for, and until when. */
export interface CertifiedUser {
  readonly user: string;
  /** The end of the certificate, in milliseconds since 1970; 0: checked by another node. */
  readonly expiresAt: number;
}

/** Who a certificate stands for: a user with all of its roles. */
export function principalNamed(
  table: AccessTable,
  { user: name, expiresAt }: CertifiedUser,
  wall: number,
): Principal | undefined {
  const user = userNamed(table, name);
  if (user === undefined || isExpired({ expiresAt }, wall)) return undefined;
  return principalWith(table, user, { token: NO_BYTES, scope: [], expiresAt });
}

/** A token that a password was exchanged for. */
export function isLogin({ logins }: AccessTable, id: Uint8Array): boolean {
  return logins.some((login) => isSameBytes(login.id, id));
}

interface Proof extends Pick<TokenRow, 'scope' | 'expiresAt'> {
  readonly token: Uint8Array;
}

function principalWith(table: AccessTable, user: User, { token, scope, expiresAt }: Proof) {
  const roles = rolesOfToken({ scope }, user).flatMap((name) => roleNamed(table, name) ?? []);
  const ranges = Object.fromEntries(KEY_VERBS.map((verb) => [verb, rangesOf(roles, verb)]));
  return {
    user: user.name,
    roles: roles.map(({ name }) => name),
    token,
    expiresAt,
    ranges: ranges as Principal['ranges'],
    admin: new Set(roles.flatMap(({ admin }) => admin)),
  };
}

export function isExpired({ expiresAt }: { readonly expiresAt: number }, wall: number): boolean {
  return expiresAt > 0 && expiresAt <= wall;
}

export function permits({ ranges, admin, token }: Principal, need: Need): boolean {
  switch (need.type) {
    case 'key':
      return need.verbs.some((verb) => containsKey(ranges[verb], need.key));
    case 'range':
      return need.verbs.some((verb) => contains(ranges[verb], need));
    case 'own':
      return admin.has(need.admin) || need.verbs.some((verb) => ranges[verb].length > 0);
    case 'token':
      return admin.has(need.admin) || isSameBytes(token, need.id);
    case 'admin':
      return admin.has(need.verb);
    default:
      return unreachable(need);
  }
}

/** Whether both may do the same: what one has open may stay open for the other. */
export function isSamePrincipal(one: Principal | undefined, other: Principal | undefined): boolean {
  return one === other || fingerprintOf(one) === fingerprintOf(other);
}

/** A principal is compared with that of each former table. */
const FINGERPRINTS = new WeakMap<Principal, string>();

function fingerprintOf(principal: Principal | undefined): string {
  if (principal === undefined) return '';
  const known = FINGERPRINTS.get(principal) ?? newFingerprint(principal);
  FINGERPRINTS.set(principal, known);
  return known;
}

function newFingerprint({ user, token, expiresAt, ranges, admin }: Principal): string {
  const textOf = ({ from, to }: Interval) => `${from.join()}-${to.join()}`;
  const spans = KEY_VERBS.map((verb) => ranges[verb].map(textOf));
  return JSON.stringify([user, [...token], expiresAt, spans, [...admin].sort()]);
}

function rangesOf(roles: readonly Role[], verb: KeyVerb): readonly Interval[] {
  const grants = roles.flatMap((role) => role.grants);
  return merged(grants.filter(({ verbs }) => verbs.includes(verb)));
}

function rowOf({ tokens, logins }: AccessTable, id: Uint8Array): TokenRow | undefined {
  const isNamed = (token: TokenRow) => isSameBytes(token.id, id);
  return tokens.find(isNamed) ?? logins.find(isNamed);
}

function isSameBytes(one: Uint8Array, other: Uint8Array): boolean {
  return one.length === other.length && one.every((byte, at) => byte === other[at]);
}
