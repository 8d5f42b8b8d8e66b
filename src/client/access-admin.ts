/** Users, tokens and roles: what administrators change, and who one is oneself. */

import type { AccessTable, User } from '../access/access-table.ts';
import { ACCESS_LIMITS } from '../access/limits.ts';
import type { KeyGrant, Role } from '../access/role.ts';
import {
  isStorageUnlimited,
  type StorageLimitedUser,
  type StorageLimits,
  UNLIMITED_STORAGE,
} from '../access/storage-limits.ts';
import { credentialOf, TOKEN_BYTES, tokenIdOf, tokenText } from '../access/token.ts';
import { type LimitedUser, UNLIMITED, type UserLimits } from '../access/user-limits.ts';
import { monotoneNow, secureBytes } from '../base/ambient.ts';
import { type Attempt, KvError, type Outcome } from '../base/errors.ts';
import type { CatalogCommand, CatalogRefusal } from '../catalog/command.ts';
import { decodeReply, encodeCommand } from '../catalog/command.ts';
import { addressesOf } from './addresses.ts';
import {
  type AskOptions,
  askAt,
  askInfo,
  askMap,
  askText,
  faultOf,
  lateCodeOf,
  mayHaveActed,
  termsOf,
  throwIfDenied,
} from './admin.ts';
import { invalid } from './options.ts';

/** A change of users, tokens and roles. Each may be repeated: what is in effect is not changed. */
export type AccessChange =
  /** Adds a user, or replaces its roles. */
  | { readonly type: 'put-user'; readonly user: User }
  /** With all its tokens. */
  | { readonly type: 'delete-user'; readonly name: string }
  /** Adds a role, or replaces the one of that name. */
  | { readonly type: 'put-role'; readonly role: Role }
  /** No user may have it. */
  | { readonly type: 'delete-role'; readonly name: string }
  /** The id of a token, as lists show it. */
  | { readonly type: 'delete-token'; readonly id: string }
  /**
   * What a user may use of each node, and how much may be stored where it may write, in place of
   * its former limits. What is not named is not limited.
   */
  | {
      readonly type: 'limit-user';
      readonly name: string;
      readonly limits: Partial<UserLimits & StorageLimits>;
    }
  /** From now on everyone may do everything. */
  | { readonly type: 'disable-access' };

/** A token to be made. */
export interface TokenRequest {
  /** The name of its user. */
  readonly user: string;
  /** Those of the user's roles that it has; all of them by default. */
  readonly scope?: readonly string[];
  /** In milliseconds since 1970; 0, the default, for a token without an end. */
  readonly expiresAt?: number;
  /** For people: what it is for. */
  readonly note?: string;
}

/** Options of `enableAccess`. */
export interface EnableOptions extends AskOptions {
  /** The first user with the role `root`. `root` by default. */
  readonly user?: string;
  /** Also if the nodes have no cluster secret, so that any process may pose as a node. */
  readonly isForced?: boolean;
}

/** Who a client is, as a node sees it. */
export interface AccessIdentity {
  /** Otherwise everyone may do everything. */
  readonly isEnabled: boolean;
  /** The token is valid, or the certificate names a user. */
  readonly isKnown: boolean;
  /** Empty if unknown. */
  readonly user: string;
  /** The id of the token; empty if the certificate names the user. */
  readonly token: string;
  /** A password was exchanged for the token. */
  readonly isLogin: boolean;
  /** Of the token or certificate, in milliseconds since 1970; 0: never. */
  readonly expiresAt: number;
  /** What the user may do; keys are texts of one character for each byte. */
  readonly roles: readonly RoleText[];
  /** What the user may use of each node; 0: not limited. Earlier builds do not tell it. */
  readonly limits?: UserLimits;
}

/** A role as JSON: keys are texts of one character for each byte. */
export interface RoleText extends Pick<Role, 'name' | 'admin'> {
  /** What may be done with which keys. */
  readonly grants: readonly GrantText[];
}

/** A grant as JSON. */
export interface GrantText extends Pick<KeyGrant, 'verbs'> {
  /** The first key. */
  readonly from: string;
  /** The first key behind the range; empty for no end. */
  readonly to: string;
}

/** A token as JSON, without its secret, which no node has. */
export interface TokenText extends Required<TokenRequest> {
  /** It names the token, and is no secret. */
  readonly id: string;
  /** A password was exchanged for it. */
  readonly isLogin: boolean;
}

/** A user as JSON. */
export interface UserText extends User {
  /** It may log in by a password. */
  readonly hasPassword: boolean;
}

/** What is stored where a user with such limits may write, as far as the node knows. */
export interface StoredUse extends StorageLimitedUser {
  /** Keys that are stored. */
  readonly usedKeys: number;
  /** Bytes of these keys and of their values. */
  readonly usedBytes: number;
  /** Every shard is counted; otherwise it is at least as much. */
  readonly isComplete: boolean;
  /** Requests that the node has refused since it started. */
  readonly refused: number;
}

/** Users, tokens and roles, as a node knows them. */
export interface AccessReport extends Pick<AccessTable, 'isEnabled' | 'version'> {
  /** By name. */
  readonly users: readonly UserText[];
  /** The built-in ones first. */
  readonly roles: readonly RoleText[];
  /** By id, then those of logins. */
  readonly tokens: readonly TokenText[];
  /** Users with limits. Nodes of earlier builds do not tell it. */
  readonly limited?: readonly LimitedUser[];
  /** Users with limits of what is stored. Nodes of earlier builds do not tell it. */
  readonly stored?: readonly StoredUse[];
}

const ID = 1;
const TIMEOUT_MILLISECONDS = 5000;
const REST_MILLISECONDS = 100;

/**
 * Changes users, tokens or roles. Resolves once the catalog has stored it; `awaitAccess` tells when
 * every node goes by it. Rejects with `access-refused` and the reason if it is not possible.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { changeAccess } from 'ringkv/admin';
 * const token = () => readFileSync('root.token', 'utf8');
 * const user = { name: 'billing', roles: ['reader'] };
 * await changeAccess('kv://127.0.0.1:7400', { type: 'put-user', user }, { token });
 * ```
 */
export async function changeAccess(
  urls: string | readonly string[],
  change: AccessChange,
  options: AskOptions = {},
): Promise<number> {
  if (change.type === 'limit-user') {
    return await command(urls, limitingOf(change.name, change.limits), options);
  }
  if (change.type !== 'delete-token') return await command(urls, change, options);
  const token = tokenIdOf(change.id);
  if (token === undefined) throw invalid(`${JSON.stringify(change.id)} is not an id of a token`);
  return await command(urls, { type: 'delete-token', token }, options);
}

/**
 * Makes a token and returns its text, which is stored nowhere: the cluster keeps a digest of it.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { createToken } from 'ringkv/admin';
 * const token = () => readFileSync('root.token', 'utf8');
 * const text = await createToken('kv://127.0.0.1:7400', { user: 'billing' }, { token });
 * ```
 */
export async function createToken(
  urls: string | readonly string[],
  request: TokenRequest,
  options: AskOptions = {},
): Promise<string> {
  const { text, row } = drawToken(request);
  await command(urls, { type: 'put-token', token: row }, options);
  return text;
}

/**
 * From now on only users with a token may do anything; returns the token of the first one, which
 * may do everything. Anyone may call it, as long as anyone may do everything.
 *
 * @example
 * ```ts
 * import { enableAccess } from 'ringkv/admin';
 * const token = await enableAccess('kv://127.0.0.1:7400');
 * ```
 */
export async function enableAccess(
  urls: string | readonly string[],
  { user = 'root', isForced = false, ...options }: EnableOptions = {},
): Promise<string> {
  const { text, row } = drawToken({ user, note: 'made by enabling access control' });
  await command(urls, { type: 'enable-access', token: row, isForced }, options);
  return text;
}

/**
 * Waits until every node of the cluster knows of the change, and every shard has adopted it: after
 * that nothing is applied that was permitted before. Returns the nodes that have not confirmed it
 * within the timeout, and shards whose leaders have not.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { awaitAccess, changeAccess } from 'ringkv/admin';
 * const token = () => readFileSync('root.token', 'utf8');
 * const url = 'kv://127.0.0.1:7400';
 * const version = await changeAccess(url, { type: 'delete-user', name: 'billing' }, { token });
 * console.log(await awaitAccess(url, version, { token })); // { nodes: [], shards: [] }
 * ```
 */
export async function awaitAccess(
  urls: string | readonly string[],
  version: number,
  options: AskOptions = {},
): Promise<Unconfirmed> {
  const until = monotoneNow() + (options.timeout ?? TIMEOUT_MILLISECONDS);
  for (;;) {
    const left = await unconfirmed(urls, version, options);
    const isDone = left.nodes.length + left.shards.length === 0;
    if (isDone || monotoneNow() >= until) return left;
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  }
}

/** What has not confirmed a change. */
export interface Unconfirmed {
  /** Numbers of nodes that did not answer, or have an older map. */
  readonly nodes: readonly number[];
  /** Numbers of shards that no leader has shown to have adopted it. */
  readonly shards: readonly number[];
}

async function unconfirmed(
  urls: string | readonly string[],
  version: number,
  options: AskOptions,
): Promise<Unconfirmed> {
  const map = await askMap(urls, options);
  const told = new Map<number, AdoptedInfo>();
  const asked = map.nodes.map(async ({ node, clientUrl }) => {
    try {
      told.set(node, JSON.parse(await askInfo(clientUrl, options)) as AdoptedInfo);
    } catch (error) {
      if (error instanceof KvError && error.code === 'forbidden') throw error;
    }
  });
  await Promise.all(asked);
  // The leader of the catalog has the newest one, and answers when it has applied it.
  const newest = Math.max(version, ...[...told.values()].map(({ mapVersion }) => mapVersion));
  const numbers = map.nodes.map(({ node }) => node as number);
  const nodes = numbers.filter((node) => (told.get(node)?.mapVersion ?? -1) < newest);
  if (map.version < newest) return { nodes: nodes.length > 0 ? nodes : numbers, shards: [] };
  const replicas = [...told.values()].flatMap((info) => info.replicas);
  const shards = map.shards.slice(1).filter(({ shard, epoch }) => {
    return !replicas.some((one) => {
      return one.shard === shard && one.role === 'leader' && one.epoch >= epoch;
    });
  });
  return { nodes, shards: shards.map(({ shard }) => shard as number) };
}

/** What it reads of the report of a node. */
interface AdoptedInfo {
  readonly mapVersion: number;
  readonly replicas: readonly {
    readonly shard: number;
    readonly role: string;
    readonly epoch: number;
  }[];
}

/**
 * Who the client with these options is, as one node sees it.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { whoAmI } from 'ringkv/admin';
 * const token = () => readFileSync('root.token', 'utf8');
 * const { user, roles } = await whoAmI('kv://127.0.0.1:7400', { token });
 * ```
 */
export async function whoAmI(url: string, options: AskOptions = {}): Promise<AccessIdentity> {
  return JSON.parse(await report(url, 'self', options)) as AccessIdentity;
}

/**
 * Users, tokens and roles, as one node knows them; tokens without their secrets.
 *
 * @example
 * ```ts
 * import { readFileSync } from 'node:fs';
 * import { askAccess } from 'ringkv/admin';
 * const token = () => readFileSync('root.token', 'utf8');
 * const { users } = await askAccess('kv://127.0.0.1:7400', { token });
 * ```
 */
export async function askAccess(url: string, options: AskOptions = {}): Promise<AccessReport> {
  return JSON.parse(await report(url, 'table', options)) as AccessReport;
}

async function report(url: string, what: 'self' | 'table', options: AskOptions): Promise<string> {
  const message = 'the node did not answer the request for users, tokens and roles';
  return await askText(url, { request: { type: 'access', id: ID, what }, options, message });
}

function drawToken({ user, scope = [], expiresAt = 0, note = '' }: TokenRequest) {
  const bytes = secureBytes(TOKEN_BYTES);
  const { token: id, digest } = credentialOf(bytes);
  return { text: tokenText(bytes), row: { id, digest, user, scope, expiresAt, note } };
}

/** The version from which on it is in the catalog. */
export async function command(
  urls: string | readonly string[],
  what: CatalogCommand,
  options: AskOptions,
): Promise<number> {
  const terms = termsOf(options);
  const until = monotoneNow() + terms.timeout;
  const bytes = encoded(what);
  let attempts: Attempt[] = [];
  let outcome: Outcome = 'notApplied';
  let answer: Awaited<ReturnType<typeof askAt>> | undefined;
  do {
    attempts = [];
    for (const { url, given } of addressesOf(urls)) {
      const request = { type: 'command', id: ID, command: bytes } as const;
      answer = await askAt(url, request, terms);
      throwIfDenied(answer);
      const reply = answer.type === 'commanded' ? decodeReply(answer.reply) : undefined;
      if (reply?.type === 'done') return reply.version;
      // Rights changed while it was on its way, so it is permitted anew.
      const isStale = reply?.type === 'refused' && reply.reason === 'stale-revision';
      if (reply?.type === 'refused' && !isStale) throw refusalOf(what, reply.reason);
      attempts.push({ endpoint: given, what: isStale ? 'rights have changed' : faultOf(answer) });
      if (mayHaveActed(answer) && !isStale) outcome = 'unknown';
    }
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  } while (monotoneNow() < until);
  const message = 'no node could pass the change of users, tokens and roles to the catalog';
  throw new KvError({ code: lateCodeOf(answer), outcome, message, attempts });
}

/** Without storage limits it is the command that nodes of earlier builds know, too. */
function limitingOf(
  user: string,
  { storedKeys = 0, storedBytes = 0, ...rates }: Partial<UserLimits & StorageLimits>,
): CatalogCommand {
  const limits = { ...UNLIMITED, ...rates, user };
  const storage = { ...UNLIMITED_STORAGE, storedKeys, storedBytes };
  if (isStorageUnlimited(storage)) return { type: 'limit-user', limits };
  return { type: 'limit-user-storage', limits, storage };
}

function encoded(what: CatalogCommand): Uint8Array {
  try {
    return encodeCommand(what);
  } catch (cause) {
    const names = 'names have 1 to 64 letters, digits, dots, dashes, underscores and at signs';
    const rest =
      'notes at most 120 bytes, limits are whole numbers of at most 2^40, of what is stored 2^50';
    throw invalid(`the change is not valid: ${names}, ${rest}`, cause);
  }
}

function refusalOf({ type }: CatalogCommand, reason: CatalogRefusal): KvError {
  const text = REFUSALS[reason] ?? `the catalog refused ${type} (${reason})`;
  return new KvError({ code: 'access-refused', outcome: 'notApplied', message: text });
}

const REFUSALS: Partial<Record<CatalogRefusal, string>> = {
  'unknown-user': 'there is no user of that name; kvctl user lists them',
  'unknown-role': 'there is no such role, or the user does not have it; kvctl role lists them',
  'in-use': 'a user has the role: take it away first (kvctl user set)',
  'last-root':
    'it is the last token without an end of a user with the role root, and without one no user ' +
    'could change users any more (passwords and certificates do not count): create another one ' +
    'first (kvctl token create USER)',
  'no-secret':
    'the nodes have no cluster secret, so any process that reaches them may pose as a node: ' +
    'start them with --secret-file, or force it',
  full:
    'the table of users, tokens and roles is full: delete some; of storage limits it has at most ' +
    `${ACCESS_LIMITS.storageLimitedMax} (storageLimitedMax)`,
  unsound: 'it is not possible: the role is built in, or access control is enabled already',
  malformed: 'a name is not valid: 1 to 64 letters, digits, dots, dashes, underscores and at signs',
};
