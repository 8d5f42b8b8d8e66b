/** The effect of a command on users, tokens and roles. */

import {
  type AccessTable,
  hasRoot,
  NO_ACCESS,
  passwordOf,
  roleNamed,
  type TokenRow,
  userNamed,
} from '../access/access-table.ts';
import { ACCESS_LIMITS } from '../access/limits.ts';
import type { PasswordRow } from '../access/password.ts';
import { isExpired } from '../access/principal.ts';
import { isBuiltIn, ROOT_ROLE } from '../access/role.ts';
import {
  isStorageUnlimited,
  STORAGE_LIMIT_NAMES,
  type StorageLimits,
  storageLimitsOf,
  UNLIMITED_STORAGE,
} from '../access/storage-limits.ts';
import { hexOf } from '../access/token.ts';
import {
  isUnlimited,
  type LimitedUser,
  limitsOf,
  USER_LIMIT_NAMES,
} from '../access/user-limits.ts';
import { unreachable } from '../base/assert.ts';
import { decode, encode } from '../base/schema.ts';
import { isSameDigest } from '../base/sha256.ts';
import { ACCESS } from './access-codec.ts';
import type { CatalogCommand, CatalogRefusal, CommandOf } from './command.ts';

export type AccessCommand = Extract<
  CatalogCommand,
  {
    readonly type:
      | 'enable-access'
      | 'disable-access'
      | 'put-role'
      | 'delete-role'
      | 'put-user'
      | 'delete-user'
      | 'put-token'
      | 'delete-token'
      | 'put-password'
      | 'add-login'
      | 'limit-user'
      | 'limit-user-storage';
  }
>;

type AccessChange =
  | {
      readonly type: 'change';
      readonly table: AccessTable;
      /** Some client may do less than before. */
      readonly isNarrower: boolean;
    }
  | { readonly type: 'nothing' }
  | { readonly type: 'refused'; readonly reason: CatalogRefusal };

/** The parts that the command changes; nothing if it is in effect; or why it is refused. */
type Change = Partial<AccessTable> | 'nothing' | CatalogRefusal;

export function isAccessCommand(command: CatalogCommand): command is AccessCommand {
  return command.type in EFFECTS;
}

export function accessAfter(
  known: AccessTable | undefined,
  command: AccessCommand,
  index: number,
): AccessChange {
  const before = known ?? NO_ACCESS;
  const change = changeBy(before, command);
  if (change === 'nothing') return { type: 'nothing' };
  if (typeof change === 'string') return { type: 'refused', reason: change };
  const table = withRoom({ ...before, ...change, version: index }, command);
  const reason = objectionTo(table);
  if (reason !== undefined) return { type: 'refused', reason };
  const isOn = before.isEnabled || table.isEnabled;
  return { type: 'change', table, isNarrower: isOn && narrows(command) };
}

/**
 * Whether a command can take a right away. Replacing a role or a user counts, whatever it holds: to
 * compare would save an entry in each shard, and could be wrong.
 */
const EFFECTS: Readonly<Record<AccessCommand['type'], 'narrows' | 'widens' | 'by-option'>> = {
  'enable-access': 'narrows',
  'disable-access': 'widens',
  'put-role': 'narrows',
  'delete-role': 'narrows',
  'put-user': 'narrows',
  'delete-user': 'narrows',
  'put-token': 'widens',
  'delete-token': 'narrows',
  // Without the option the tokens stay, and only further logins need the new password.
  'put-password': 'by-option',
  // A login that makes room for it ends as by its time, not as by a revocation.
  'add-login': 'widens',
  // Limits are no rights: the node of a connection keeps them, and no shard has to know.
  'limit-user': 'widens',
  'limit-user-storage': 'widens',
};

function narrows(command: AccessCommand): boolean {
  if (command.type === 'put-password') return command.endsLogins;
  return EFFECTS[command.type] === 'narrows';
}

function changeBy(table: AccessTable, command: AccessCommand): Change {
  switch (command.type) {
    case 'enable-access':
      return enable(table, command);
    case 'disable-access':
      return table.isEnabled ? { isEnabled: false } : 'nothing';
    case 'put-role':
      return putRole(table, command);
    case 'delete-role': {
      const { name } = command;
      if (isBuiltIn(name)) return 'unsound';
      if (!table.roles.some((role) => role.name === name)) return 'nothing';
      if (table.users.some(({ roles }) => roles.includes(name))) return 'in-use';
      return { roles: table.roles.filter((role) => role.name !== name) };
    }
    case 'put-user':
      return putUser(table, command);
    case 'delete-user': {
      const { name } = command;
      if (userNamed(table, name) === undefined) return 'nothing';
      const users = table.users.filter((user) => user.name !== name);
      const isOther = ({ user }: { readonly user: string }) => user !== name;
      const [tokens, logins] = [table.tokens.filter(isOther), table.logins.filter(isOther)];
      // A later user of this name is another one.
      const [passwords, limited] = [table.passwords.filter(isOther), table.limited.filter(isOther)];
      const storageLimited = table.storageLimited.filter(isOther);
      return { users, tokens, logins, passwords, limited, storageLimited };
    }
    case 'put-token':
      return putToken(table, command.token);
    case 'delete-token': {
      const id = hexOf(command.token);
      const isOther = (token: TokenRow) => hexOf(token.id) !== id;
      const [tokens, logins] = [table.tokens.filter(isOther), table.logins.filter(isOther)];
      const isKept = tokens.length === table.tokens.length && logins.length === table.logins.length;
      return isKept ? 'nothing' : { tokens, logins };
    }
    case 'put-password':
      return putPassword(table, command);
    case 'add-login':
      return addLogin(table, command);
    case 'limit-user':
      return limitUser(table, command.limits, UNLIMITED_STORAGE);
    case 'limit-user-storage':
      return limitUser(table, command.limits, command.storage);
    default:
      return unreachable(command);
  }
}

function enable(table: AccessTable, { token }: CommandOf<'enable-access'>): Change {
  if (token === undefined) return table.isEnabled ? 'nothing' : { isEnabled: true };
  const name = token.user;
  const user = userNamed(table, name);
  const rooted = user?.roles.includes(ROOT_ROLE)
    ? table
    : { ...table, users: [...table.users.filter((one) => one.name !== name), rootOf(table, name)] };
  const change = putToken(rooted, token);
  if (change === 'nothing') return table.isEnabled ? 'nothing' : { isEnabled: true };
  if (typeof change === 'string') return change;
  // Otherwise each user that may send this could become root of a cluster that is guarded.
  if (table.isEnabled) return 'unsound';
  return { users: sorted(rooted.users, ({ name }) => name), ...change, isEnabled: true };
}

function rootOf(table: AccessTable, name: string) {
  return { name, roles: [...(userNamed(table, name)?.roles ?? []), ROOT_ROLE] };
}

function putRole(table: AccessTable, { role }: CommandOf<'put-role'>): Change {
  if (isBuiltIn(role.name)) return 'unsound';
  const others = table.roles.filter(({ name }) => name !== role.name);
  return { roles: sorted([...others, role], ({ name }) => name) };
}

function putUser(table: AccessTable, { user }: CommandOf<'put-user'>): Change {
  if (new Set(user.roles).size < user.roles.length) return 'unsound';
  if (user.roles.some((name) => roleNamed(table, name) === undefined)) return 'unknown-role';
  const others = table.users.filter(({ name }) => name !== user.name);
  return { users: sorted([...others, user], ({ name }) => name) };
}

/** A token is added once and never changed: its id names one secret for ever. */
function putToken(table: AccessTable, token: TokenRow): Change {
  const isSameId = ({ id }: TokenRow) => isSameDigest(id, token.id);
  const known = table.tokens.find(isSameId) ?? table.logins.find(isSameId);
  if (known !== undefined) {
    return isSameDigest(known.digest, token.digest) && known.user === token.user
      ? 'nothing'
      : 'unsound';
  }
  const user = userNamed(table, token.user);
  if (user === undefined) return 'unknown-user';
  if (token.scope.some((name) => !user.roles.includes(name))) return 'unknown-role';
  return { tokens: sorted([...table.tokens, token], (one) => hexOf(one.id)) };
}

function putPassword(
  table: AccessTable,
  { user, password, endsLogins }: CommandOf<'put-password'>,
): Change {
  if (userNamed(table, user) === undefined) return 'unknown-user';
  if (password !== undefined && password.user !== user) return 'unsound';
  const others = table.passwords.filter((row) => row.user !== user);
  const logins = endsLogins ? table.logins.filter((login) => login.user !== user) : table.logins;
  const known = passwordOf(table, user);
  const isSame = known === password || (known && password && isSamePassword(known, password));
  if (isSame === true && logins.length === table.logins.length) return 'nothing';
  const added = password === undefined ? [] : [password];
  return { passwords: sorted([...others, ...added], (row) => row.user), logins };
}

/** Both are derived of random bytes, so equal ones are copies of one. */
function isSamePassword(one: PasswordRow, other: PasswordRow): boolean {
  return isSameDigest(one.salt, other.salt) && isSameDigest(one.verifier, other.verifier);
}

/** The oldest logins make room: of its user, and of all. So a login is never refused as `full`. */
function addLogin(table: AccessTable, { token, salt, at }: CommandOf<'add-login'>): Change {
  const password = passwordOf(table, token.user);
  if (password === undefined || !isSameDigest(password.salt, salt)) return 'former-password';
  // What a token's id names, and whose it may be, is as for one of an administrator.
  const change = putToken(table, token);
  if (typeof change === 'string') return change;
  const { loginsMax, loginsOfUserMax } = ACCESS_LIMITS;
  const live = table.logins.filter((login) => !isExpired(login, at));
  const own = live.filter(({ user }) => user === token.user);
  const surplus = new Set(own.slice(0, Math.max(own.length - loginsOfUserMax + 1, 0)));
  const logins = [...live.filter((login) => !surplus.has(login)), token];
  return { logins: logins.slice(-loginsMax) };
}

/** Logins give way to everything else, the oldest first: their users log in again. */
function withRoom(table: AccessTable, { type }: AccessCommand): AccessTable {
  const kept = type === 'add-login' ? 1 : 0;
  let { logins } = table;
  while (logins.length > kept && bytesOf({ ...table, logins }) > ACCESS_LIMITS.tableBytesMax) {
    logins = logins.slice(Math.min(Math.ceil(logins.length / 8), logins.length - kept));
  }
  return { ...table, logins };
}

function bytesOf(table: AccessTable): number {
  return encode(ACCESS, table).length;
}

/** All limits of the user, in place of its former ones. */
function limitUser(table: AccessTable, limits: LimitedUser, storage: StorageLimits): Change {
  const { user } = limits;
  if (userNamed(table, user) === undefined) return 'unknown-user';
  const isOther = (row: { readonly user: string }) => row.user !== user;
  const known = limitsOf(table.limited, user);
  const stored = storageLimitsOf(table.storageLimited, user);
  const isInEffect = USER_LIMIT_NAMES.every((name) => known[name] === limits[name]);
  const isStored = STORAGE_LIMIT_NAMES.every((name) => stored[name] === storage[name]);
  if (isInEffect && isStored) return 'nothing';
  const limited = isUnlimited(limits) ? [] : [limits];
  const storageLimited = isStorageUnlimited(storage) ? [] : [{ user, ...storage }];
  return {
    limited: sorted([...table.limited.filter(isOther), ...limited], userOf),
    storageLimited: sorted([...table.storageLimited.filter(isOther), ...storageLimited], userOf),
  };
}

function userOf({ user }: { readonly user: string }): string {
  return user;
}

function objectionTo(table: AccessTable): CatalogRefusal | undefined {
  const { rolesMax, usersMax, tokensMax, tableBytesMax } = ACCESS_LIMITS;
  const { roles, users, tokens } = table;
  if (roles.length > rolesMax || users.length > usersMax || tokens.length > tokensMax)
    return 'full';
  if (table.isEnabled && !hasRoot(table)) return 'last-root';
  const stored = encode(ACCESS, table);
  // What a command makes of the table, each replica has to read again: also at its next start.
  const isReadable = stored.length <= tableBytesMax && decode(ACCESS, stored) !== undefined;
  return isReadable ? undefined : 'full';
}

function sorted<Row>(rows: readonly Row[], nameOf: (row: Row) => string): readonly Row[] {
  return [...rows].sort((one, other) => (nameOf(one) < nameOf(other) ? -1 : 1));
}
