/** Passwords: exchanged for tokens, and set by administrators. */

import { LOGIN_LIMITS, PASSWORD_LIMITS } from '../access/limits.ts';
import { passwordBytes } from '../access/password.ts';
import { tokenText } from '../access/token.ts';
import { monotoneNow } from '../base/ambient.ts';
import { type Attempt, KvError } from '../base/errors.ts';
import { newPassword } from '../passwords/scrypt.ts';
import { isLoopback } from '../transport/host-check.ts';
import { command } from './access-admin.ts';
import { addressesOf, isEncrypted } from './addresses.ts';
import { type AskOptions, askAt, faultOf, termsOf } from './admin.ts';
import { invalid } from './options.ts';

/** A password to be exchanged for a token. */
export interface LoginRequest {
  /** The name of the user. */
  readonly user: string;
  /** Its password. */
  readonly password: string;
  /** How long the token is good for, in milliseconds: 12 hours by default, at most 30 days. */
  readonly ttl?: number;
  /** Those of the user's roles that the token has; all of them by default. */
  readonly scope?: readonly string[];
}

/** Options of `login`. */
export interface LoginOptions extends Omit<AskOptions, 'token'> {
  /** Also without TLS to another machine, where others may read the password on its way. */
  readonly isInsecure?: boolean;
}

/** A token that a password was exchanged for. */
export interface LoggedIn {
  /** Pass it to `connect`. The cluster keeps a digest of it. */
  readonly token: string;
  /** In milliseconds since 1970, by the clock of the node that was asked. */
  readonly expiresAt: number;
}

/** A password of a user, for `setPassword`. */
export interface PasswordRequest {
  /** The name of the user. */
  readonly user: string;
  /** Undefined: from now on the user has no password. */
  readonly password: string | undefined;
  /** The tokens that the former password was exchanged for end, too. */
  readonly endsLogins?: boolean;
}

const ID = 1;
/** Each round is an attempt, and those are counted. */
const REST_MILLISECONDS = 500;

/**
 * Exchanges a password for a token that ends by itself. Rejects with `unauthenticated` if there is
 * no such user or the password is another one, and with `too-many-logins` after too many attempts.
 *
 * @example
 * ```ts
 * import { login } from 'ringkv/admin';
 * const password = process.env.APP_PASSWORD ?? '';
 * const { token } = await login('kv://127.0.0.1:7400', { user: 'ann', password });
 * ```
 */
export async function login(
  urls: string | readonly string[],
  request: LoginRequest,
  options: LoginOptions = {},
): Promise<LoggedIn> {
  const terms = { ...termsOf(options), token: undefined };
  refuseExposure(urls, options);
  const asked = encoded(request);
  const until = monotoneNow() + terms.timeout;
  let attempts: Attempt[] = [];
  do {
    attempts = [];
    for (const { url, given } of addressesOf(urls)) {
      const answer = await askAt(url, asked, terms);
      if (answer.type === 'logged-in') {
        return { token: tokenText(answer.token), expiresAt: answer.expiresAt };
      }
      if (answer.type === 'failed') throwIfRefused(request, answer);
      attempts.push({ endpoint: given, what: faultOf(answer) });
    }
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  } while (monotoneNow() < until);
  const message = 'no node could exchange the password for a token';
  throw new KvError({ code: 'unreachable', outcome: 'notApplied', message, attempts });
}

/**
 * Sets the password of a user, or takes it away. It is hashed here: the cluster gets and keeps the
 * result of scrypt. Tokens of earlier logins stay valid, unless `endsLogins`. Returns the version
 * for `awaitAccess`.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { setPassword } from 'ringkv/admin';
 * const token = () => readFileSync('root.token', 'utf8');
 * const password = readFileSync('ann.password', 'utf8').trim();
 * await setPassword('kv://127.0.0.1:7400', { user: 'ann', password }, { token });
 * ```
 */
export async function setPassword(
  urls: string | readonly string[],
  { user, password, endsLogins = false }: PasswordRequest,
  options: AskOptions = {},
): Promise<number> {
  refuseNames(user);
  if (password !== undefined) refuseWeak(password);
  const row = password === undefined ? undefined : await newPassword(user, password);
  return await command(urls, { type: 'put-password', user, password: row, endsLogins }, options);
}

function encoded({ user, password, ttl = 0, scope = [] }: LoginRequest) {
  const { lifeMillisecondsMax, scopeMax } = LOGIN_LIMITS;
  const bytes = passwordBytes(password);
  if (bytes.length > PASSWORD_LIMITS.bytesMax) throw tooLong(bytes.length);
  const isLife = Number.isSafeInteger(ttl) && ttl >= 0 && ttl <= lifeMillisecondsMax;
  if (!isLife) {
    throw invalid(`ttl is ${ttl}; a login is good for 1 to ${lifeMillisecondsMax} milliseconds`);
  }
  if (scope.length > scopeMax) {
    throw invalid(`scope has ${scope.length} roles; a login has at most ${scopeMax}`);
  }
  refuseNames(user, ...scope);
  const about = { user, password: bytes, lifeMilliseconds: ttl, scope };
  return { type: 'login', id: ID, ...about } as const;
}

const NAME = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

function refuseNames(...names: readonly string[]): void {
  if (names.every((name) => NAME.test(name))) return;
  throw invalid('names of users and roles have 1 to 64 letters, digits or characters ._@-');
}

function refuseWeak(password: string): void {
  const { charactersMin, bytesMax } = PASSWORD_LIMITS;
  const characters = [...password].length;
  if (characters < charactersMin) {
    throw invalid(`the password has ${characters} characters; the minimum is ${charactersMin}`);
  }
  const { length } = passwordBytes(password);
  if (length > bytesMax) throw tooLong(length);
}

function tooLong(length: number): KvError {
  return invalid(`the password has ${length} bytes; the limit is ${PASSWORD_LIMITS.bytesMax}`);
}

/** A password that others have read is worth more to them than a token, which ends. */
function refuseExposure(
  urls: string | readonly string[],
  { tls, isInsecure = false }: LoginOptions,
): void {
  if (isInsecure || tls !== undefined) return;
  const exposed = addressesOf(urls).find(({ url }) => {
    return !isEncrypted(url) && !isLoopback(new URL(url).hostname.replace(/^\[|\]$/g, ''));
  });
  if (exposed === undefined) return;
  throw invalid(
    `${exposed.given} is another machine, and the connection is not encrypted: others may read ` +
      'the password on its way. It was not sent. Use kvs:// and certificates, or --insecure',
  );
}

function throwIfRefused(
  { user }: LoginRequest,
  { failure, retryAfterMilliseconds }: { failure: string; retryAfterMilliseconds: number },
): void {
  const refused = (code: 'unauthenticated' | 'forbidden' | 'too-many-logins', message: string) => {
    return new KvError({ code, outcome: 'notApplied', message });
  };
  switch (failure) {
    case 'unauthenticated':
      throw refused(failure, `user ${user} is unknown, has no password, or has another one`);
    case 'forbidden':
      throw refused(failure, `user ${user} does not have all roles of the scope`);
    case 'too-many-logins': {
      const seconds = Math.max(Math.ceil(retryAfterMilliseconds / 1000), 1);
      throw refused(
        failure,
        `too many attempts to log in as ${user}, or from this address: wait ${seconds} s`,
      );
    }
  }
}
