/** Users, tokens and roles as bytes: the same in commands, in the state store and in a map. */

import {
  type AccessTable,
  isSoundTable,
  type TokenRow,
  type User,
} from '../access/access-table.ts';
import { ACCESS_LIMITS, LOGIN_LIMITS, PASSWORD_LIMITS } from '../access/limits.ts';
import type { PasswordRow } from '../access/password.ts';
import { ADMIN_VERBS, KEY_VERBS, type Role } from '../access/role.ts';
import type { StorageLimitedUser, StorageLimits } from '../access/storage-limits.ts';
import { TOKEN_ID_BYTES } from '../access/token.ts';
import type { LimitedUser } from '../access/user-limits.ts';
import {
  bytes,
  count,
  grown,
  list,
  octets,
  oneOf,
  type Schema,
  struct,
  text,
  truth,
  where,
} from '../base/schema.ts';

const { rolesMax, usersMax, tokensMax, grantsMax, nameBytesMax, noteBytesMax, keyBytesMax } =
  ACCESS_LIMITS;
const { userLimitMax, storageLimitMax, storageLimitedMax } = ACCESS_LIMITS;

/** Visible characters that need no quotes: names appear in tables and in logs. */
export const NAME = where(text(nameBytesMax), (name) => /^[A-Za-z0-9][A-Za-z0-9._@-]*$/.test(name));
const NAMES = list(NAME, { max: rolesMax });
const NOTE = where(text(noteBytesMax), (note) => !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(note));

export const TOKEN_ID = octets(TOKEN_ID_BYTES);

const GRANT = struct({
  from: bytes(keyBytesMax),
  to: bytes(keyBytesMax),
  verbs: list(oneOf(KEY_VERBS), { min: 1, max: KEY_VERBS.length }),
});

export const ROLE: Schema<Role> = struct({
  name: NAME,
  grants: list(GRANT, { max: grantsMax }),
  admin: list(oneOf(ADMIN_VERBS), { max: ADMIN_VERBS.length }),
});

export const USER: Schema<User> = struct({ name: NAME, roles: NAMES });

export const TOKEN_ROW: Schema<TokenRow> = struct({
  id: TOKEN_ID,
  digest: octets(32),
  user: NAME,
  scope: NAMES,
  expiresAt: count(),
  note: NOTE,
});

/** Bounded, because every login takes what it says. */
const COST = struct({
  logN: count({ min: PASSWORD_LIMITS.logNMin, max: PASSWORD_LIMITS.logNMax }),
  r: count({ min: PASSWORD_LIMITS.r, max: PASSWORD_LIMITS.r }),
  p: count({ min: 1, max: PASSWORD_LIMITS.pMax }),
});

export const SALT = octets(PASSWORD_LIMITS.saltBytes);

export const PASSWORD_ROW: Schema<PasswordRow> = struct({
  user: NAME,
  salt: SALT,
  cost: COST,
  verifier: octets(PASSWORD_LIMITS.verifierBytes),
});

/** It ends, and takes little room. */
export const LOGIN_ROW: Schema<TokenRow> = where(
  TOKEN_ROW,
  ({ expiresAt, scope }) => expiresAt > 0 && scope.length <= LOGIN_LIMITS.scopeMax,
);

const LIMIT = count({ max: userLimitMax });

export const LIMITED_USER: Schema<LimitedUser> = struct({
  user: NAME,
  requestsPerSecond: LIMIT,
  bytesPerSecond: LIMIT,
  connections: LIMIT,
  watches: LIMIT,
});

const STORED = {
  storedKeys: count({ max: storageLimitMax }),
  storedBytes: count({ max: storageLimitMax }),
};

export const STORAGE_LIMITS: Schema<StorageLimits> = struct(STORED);

const STORAGE_LIMITED_USER: Schema<StorageLimitedUser> = struct({ user: NAME, ...STORED });

export const ACCESS: Schema<AccessTable> = where(
  grown(
    {
      version: count(),
      isEnabled: truth,
      isHidden: truth,
      roles: list(ROLE, { max: rolesMax }),
      users: list(USER, { max: usersMax }),
      tokens: list(TOKEN_ROW, { max: tokensMax }),
    },
    {
      passwords: list(PASSWORD_ROW, { max: usersMax }),
      logins: list(LOGIN_ROW, { max: ACCESS_LIMITS.loginsMax }),
      limited: list(LIMITED_USER, { max: usersMax }),
      storageLimited: list(STORAGE_LIMITED_USER, { max: storageLimitedMax }),
    },
  ),
  isSoundTable,
);
