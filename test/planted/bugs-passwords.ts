/** Bugs of passwords, logins and certificates of users: what opens a door, or leaves it open. */

import type { Bug, Planted } from './bug.ts';

const LOGINS = { file: 'src/node/logins.ts', tests: ['logins'] };
const LIMITER = { file: 'src/node/login-limiter.ts', tests: ['login-limiter', 'logins'] };
const CHANGES = { file: 'src/catalog/access-changes.ts', tests: ['passwords'] };
const CONTROL = { file: 'src/node/access-control.ts', tests: ['certified-users', 'access-doors'] };
const PRINCIPAL = { file: 'src/access/principal.ts', tests: ['principal'] };

const PLANTED: readonly Planted[] = [
  {
    ...LOGINS,
    name: 'part-of-a-hash',
    sentence: 'a hash that could not be computed, or a part of one, counts as the password',
    find: 'isSameDigest(row.verifier, verifier)',
    replace: 'verifier.every((byte, at) => byte === row.verifier[at])',
    isFast: true,
  },
  {
    ...LOGINS,
    name: 'unknown-user-is-fast',
    sentence: 'for a user that has no password no hash is computed, and the time shows it',
    find: 'const { salt, cost } = row ?? NO_PASSWORD;',
    replace:
      "if (row === undefined) return fail(responder, id, 'unauthenticated'); " +
      'const { salt, cost } = row;',
    isFast: true,
  },
  {
    ...LOGINS,
    name: 'login-beyond-scope',
    sentence: 'the token of a login has all roles of its user, whatever was asked',
    find: 'scope: [...new Set(scope)]',
    replace: 'scope: []',
  },
  {
    ...LOGINS,
    name: 'refused-is-checked',
    sentence: 'a password is checked although its user has to wait',
    find: "if (wait > 0) return fail(responder, id, 'too-many-logins', wait);",
    replace: '',
  },
  {
    ...LOGINS,
    tests: ['audit-logins'],
    name: 'login-is-untold',
    sentence: 'the audit trail learns nothing of logins',
    find: 'audit?.login(client, about, response);',
    replace: '',
  },
  {
    file: 'src/node/audit.ts',
    tests: ['audit-logins'],
    name: 'login-tells-password',
    sentence: 'the audit trail has the passwords of logins',
    find: "what: 'login', on: { user, scope }",
    replace: "what: 'login', on: { ...arguments[1] }",
  },
  {
    ...LIMITER,
    name: 'success-is-free',
    sentence: 'who succeeds once may guess for others at any rate',
    find: 'this.#failures.delete(pairOf(attempt));',
    replace: 'this.#failures.delete(pairOf(attempt)); this.#addresses.clear();',
  },
  {
    ...LIMITER,
    name: 'failures-cost-nothing',
    sentence: 'a failure makes no one wait',
    find: 'return { count, until: now + wait };',
    replace: 'return { count, until: now };',
  },
  {
    ...LIMITER,
    name: 'flood-forgets-waits',
    sentence: 'attempts of many others make the longest wait forgotten',
    find: 'until < least.until',
    replace: 'until > least.until',
  },
  {
    ...CHANGES,
    name: 'ended-logins-stay',
    sentence: 'logins that have ended are never removed',
    find: 'table.logins.filter((login) => !isExpired(login, at))',
    replace: 'table.logins',
    isFast: true,
  },
  {
    ...CHANGES,
    name: 'former-password-does',
    sentence: 'a password that is changed while it is checked still makes a token',
    find: 'password === undefined || !isSameDigest(password.salt, salt)',
    replace: 'password === undefined',
  },
  {
    ...CHANGES,
    name: 'logins-outlive-password',
    sentence: 'the tokens of a stolen password stay valid although they were to end',
    find: 'endsLogins ? table.logins.filter((login) => login.user !== user) : table.logins',
    replace: 'table.logins',
  },
  {
    ...CHANGES,
    name: 'logins-keep-roles-out',
    sentence: 'logins fill the table, so that an administrator is refused',
    find: 'logins.length > kept && bytesOf',
    replace: 'false && bytesOf',
  },
  {
    file: 'src/access/access-table.ts',
    tests: ['principal'],
    name: 'password-saves-root',
    sentence: 'the last token of a root may go if there is a password, which others can block',
    find: 'return table.tokens.some(',
    replace: 'return table.passwords.length > 0 || table.tokens.some(',
  },
  {
    ...PRINCIPAL,
    name: 'any-token-ends-any',
    sentence: 'every user may revoke the tokens of others',
    find: 'admin.has(need.admin) || isSameBytes(token, need.id)',
    replace: 'admin.has(need.admin) || token.length > 0',
  },
  {
    ...PRINCIPAL,
    name: 'certificate-without-end',
    sentence: 'a client keeps its rights when its certificate has ended',
    find: 'user === undefined || isExpired({ expiresAt }, wall)',
    replace: 'user === undefined',
  },
  {
    file: 'src/access/principals.ts',
    tests: ['principals'],
    name: 'kept-without-secret',
    sentence: 'once a client had the secret of a token, all others pass by its id',
    find: 'isSameDigest(known.digest, digest) ? alive(known.principal, wall) : undefined',
    replace: 'alive(known.principal, wall)',
  },
  {
    file: 'src/passwords/scrypt.ts',
    tests: ['passwords'],
    name: 'cost-is-forgotten',
    sentence: 'all passwords are hashed at the least cost, whatever is kept with them',
    find: 'const N = 2 ** logN;',
    replace: 'const N = 2 ** 14;',
  },
  {
    file: 'src/passwords/scrypt-passwords.ts',
    tests: ['passwords'],
    name: 'last-login-first',
    sentence: 'who asked last is served first, so that an early login waits as long as others come',
    find: 'this.#waiting.shift()',
    replace: 'this.#waiting.pop()',
  },
  {
    file: 'src/certificates/user-name.ts',
    tests: ['user-name'],
    name: 'node-is-a-user',
    sentence: 'the certificate of a node is one of a user too',
    find: 'found.length === 1 && !isNode',
    replace: 'found.length === 1',
    isFast: true,
  },
  {
    file: 'src/transport/client-connections.ts',
    tests: ['certified-clients'],
    name: 'user-of-another-cluster',
    sentence: 'a user of another cluster of the same authority is one here',
    find: 'isNameOfCluster(holder.cluster, cluster) ? { user, expiresAt } : undefined',
    replace: '{ user, expiresAt }',
  },
  {
    ...CONTROL,
    name: 'certified-user-stays',
    sentence: 'a client keeps the rights of its certificate when its user is deleted',
    find: 'const before = client.principal; client.principal = this.#principalOf(client);',
    replace:
      'const before = client.principal; ' +
      'client.principal = client.certified ? before : this.#principalOf(client);',
  },
  {
    ...CONTROL,
    name: 'certificate-saves-token',
    sentence: 'a revoked token leaves its client the rights of its certificate',
    find: 'if (credential !== undefined) return',
    replace: 'if (credential !== undefined && certified === undefined) return',
  },
  {
    ...CONTROL,
    name: 'named-user-is-believed',
    sentence: 'whom another node names is looked up among tokens and users, and root if unknown',
    find: "if (bearer.type === 'forward-as') return",
    replace:
      "if (bearer.type === 'forward-for') " +
      "return this.#principals.named({ user: 'root', expiresAt: 0 }, wall); return",
  },
  {
    file: 'src/client/login.ts',
    tests: ['login'],
    name: 'password-in-the-clear',
    sentence: 'a password is sent to another machine without TLS',
    find: 'if (isInsecure || tls !== undefined) return;',
    replace: 'return;',
  },
  {
    file: 'cli/commands/logout.ts',
    tests: ['login'],
    name: 'logout-revokes-services',
    sentence: 'logout revokes a token that services use as well',
    find: 'if (isKnown && isLogin)',
    replace: 'if (isKnown)',
  },
  {
    file: 'cli/denial.ts',
    tests: ['denials'],
    name: 'granted-is-missing',
    sentence: 'kvctl names what the user has as what it lacks',
    find: 'asked.filter((one) => !isGranted(one, self))',
    replace: 'asked',
  },
];

export const PASSWORD_BUGS: readonly Bug[] = PLANTED.map((bug) => {
  return { isFast: false, ...bug, profiles: [] };
});
