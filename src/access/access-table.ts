/** What the cluster knows of users, tokens and roles. The catalog keeps it, and nodes get it. */

import type { PasswordRow } from './password.ts';
import { BUILT_IN_ROLES, ROOT_ROLE, type Role } from './role.ts';
import type { StorageLimitedUser } from './storage-limits.ts';
import type { LimitedUser } from './user-limits.ts';

/** A person or a service. */
export interface User {
  /** Unique in the cluster. */
  readonly name: string;
  /** Names of its roles. */
  readonly roles: readonly string[];
}

/** What proves to be a user. Only a digest of its secret is kept. */
export interface TokenRow {
  /** Random, and no secret: it names the token. */
  readonly id: Uint8Array;
  /** SHA-256 of the secret, which is random and as long: it cannot be guessed from this. */
  readonly digest: Uint8Array;
  /** The name of its user. */
  readonly user: string;
  /** The roles of the user that it has; none: all of them. */
  readonly scope: readonly string[];
  /** In milliseconds since 1970, by the clock of the node that checks it; 0: never. */
  readonly expiresAt: number;
  /** For people. */
  readonly note: string;
}

/** All of it. */
export interface AccessTable {
  /** Index of the catalog's entry that changed it last. */
  readonly version: number;
  /** Otherwise everyone may do everything. */
  readonly isEnabled: boolean;
  /** A copy for clients, without its content. A node that has no other one permits nothing. */
  readonly isHidden: boolean;
  /** Those beside the built-in ones, by name. */
  readonly roles: readonly Role[];
  /** By name. */
  readonly users: readonly User[];
  /** By id. */
  readonly tokens: readonly TokenRow[];
  /** By user. At most one of each. */
  readonly passwords: readonly PasswordRow[];
  /** Tokens that passwords were exchanged for, in the order of the logins. They end. */
  readonly logins: readonly TokenRow[];
  /** By name: the users that have limits. */
  readonly limited: readonly LimitedUser[];
  /** By name: the users with limits of what is stored. */
  readonly storageLimited: readonly StorageLimitedUser[];
}

/** Before anything was configured. */
export const NO_ACCESS: AccessTable = {
  ...{ version: 0, isEnabled: false, isHidden: false },
  ...{ roles: [], users: [], tokens: [], passwords: [], logins: [], limited: [] },
  storageLimited: [],
};

/** No two rows of one name; a hidden table has no rows. */
export function isSoundTable(table: AccessTable): boolean {
  const { isHidden, roles, users, tokens, passwords, logins, limited, storageLimited } = table;
  const rows = [roles, users, tokens, passwords, logins, limited, storageLimited];
  if (isHidden && rows.some(({ length }) => length > 0)) return false;
  const named = [roles, users].every((all) => isRising(all.map(({ name }) => name)));
  return (
    named &&
    [passwords, limited, storageLimited].every((all) => isRising(all.map(({ user }) => user)))
  );
}

function isRising(names: readonly string[]): boolean {
  return names.every((name, at) => at === 0 || (names[at - 1] as string) < name);
}

/** What clients get to know of it: nothing but whether it is enabled. */
export function hidden({ version, isEnabled }: AccessTable): AccessTable {
  return { ...NO_ACCESS, version, isEnabled, isHidden: true };
}

export function roleNamed({ roles }: AccessTable, name: string): Role | undefined {
  const isNamed = (role: Role) => role.name === name;
  return BUILT_IN_ROLES.find(isNamed) ?? roles.find(isNamed);
}

export function userNamed({ users }: AccessTable, name: string): User | undefined {
  return users.find((user) => user.name === name);
}

export function passwordOf({ passwords }: AccessTable, name: string): PasswordRow | undefined {
  return passwords.find(({ user }) => user === name);
}

/** The names of the roles that a token has now: its scope never exceeds the user's roles. */
export function rolesOfToken(
  { scope }: Pick<TokenRow, 'scope'>,
  { roles }: Pick<User, 'roles'>,
): readonly string[] {
  return scope.length === 0 ? roles : roles.filter((name) => scope.includes(name));
}

/**
 * Whether a token that never expires may do everything: without one no user could change it. A
 * password does not count: who keeps failing with it keeps its user out, and a login needs room.
 */
export function hasRoot(table: AccessTable): boolean {
  return table.tokens.some((token) => {
    const user = userNamed(table, token.user);
    return (
      token.expiresAt === 0 && user !== undefined && rolesOfToken(token, user).includes(ROOT_ROLE)
    );
  });
}
