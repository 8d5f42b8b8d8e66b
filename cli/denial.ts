/**
 * Why the cluster refused a request of this user: kvctl knows what it has asked, and asks who it
 * is. So the failure names the verb and the keys, and what an administrator has to grant.
 */

import type { AccessIdentity, AdminVerb, KeyVerb } from '../src/admin.ts';
import { textOf } from './encoding.ts';
import { EXIT } from './exit-codes.ts';
import { CliFailure, reportOf } from './failure.ts';
import { shellWord } from './shell-words.ts';
import type { AccessCalls, KeySpan, Step, Store } from './store.ts';

/** What a request needs. */
type Asked =
  | { readonly verb: KeyVerb; readonly key: Uint8Array }
  | ({ readonly verb: KeyVerb } & KeySpan)
  | { readonly verb: AdminVerb };

type Calls<T> = {
  readonly [Name in keyof T as T[Name] extends (...words: never[]) => unknown ? Name : never]: (
    ...words: T[Name] extends (...words: infer Words) => unknown ? Words : never
  ) => readonly Asked[];
};

const nothing = () => [];
const administers = (verb: AdminVerb) => () => [{ verb }];

const CALLS: Calls<Store> = {
  get: (key) => [{ verb: 'read', key }],
  set: ({ key, ifVersion }) => written(key, ifVersion),
  delete: (key, { ifVersion }) => written(key, ifVersion),
  add: (key) => [{ verb: 'write', key }],
  touch: (key) => [{ verb: 'write', key }],
  commit: (steps) => steps.map(stepNeeds),
  scan: ({ from, to }) => [{ verb: 'read', from, to }],
  count: ({ from, to }) => [{ verb: 'read', from, to }],
  watch: ({ key, from, to }) => [
    { verb: 'watch', ...(key === undefined ? { from, to } : { key }) },
  ],
  clear: ({ from, to }) => (['read', 'write'] as const).map((verb) => ({ verb, from, to })),
  map: nothing,
  info: administers('observe'),
  pending: administers('observe'),
  setMembership: administers('nodes'),
  settle: administers('transactions'),
  lock: ({ name: key }) => [{ verb: 'lock', key }],
  lead: ({ key }) => [
    { verb: 'lock', key },
    { verb: 'write', key },
  ],
  leaders: (key) => [{ verb: 'watch', key }],
  leases: administers('observe'),
  tickets: administers('observe'),
  revoke: administers('transactions'),
  close: nothing,
};

const ACCESS_CALLS: Calls<AccessCalls> = {
  self: nothing,
  selfBy: nothing,
  login: nothing,
  logout: nothing,
  report: administers('access'),
  change: administers('access'),
  createToken: administers('access'),
  setPassword: administers('access'),
  enable: administers('access'),
  confirm: administers('observe'),
};

function written(key: Uint8Array, ifVersion: number | undefined): readonly Asked[] {
  const write: Asked = { verb: 'write', key };
  return ifVersion === undefined ? [write] : [write, { verb: 'read', key }];
}

function stepNeeds({ type, key }: Step): Asked {
  return { verb: type === 'check' ? 'read' : 'write', key };
}

/** What was asked last of a store that `noting` has made. */
const LAST = new WeakMap<Store, readonly Asked[]>();

/** The same store; what is asked of it is noted. */
export function noting(store: Store): Store {
  const note = (asked: readonly Asked[]) => LAST.set(noted, asked);
  const access = wrapped(store.access, ACCESS_CALLS as Table, note);
  const noted: Store = wrapped(store, CALLS as Table, note, { access });
  return noted;
}

type Table = Readonly<Record<string, (...words: readonly unknown[]) => readonly Asked[]>>;

function wrapped<T extends object>(
  target: T,
  table: Table,
  note: (asked: readonly Asked[]) => void,
  parts: Readonly<Record<string, object>> = {},
): T {
  return new Proxy(target, {
    get: (_target, name) => {
      const part = parts[String(name)];
      if (part !== undefined) return part;
      const value: unknown = Reflect.get(target, name, target);
      if (typeof value !== 'function') return value;
      return (...words: readonly unknown[]) => {
        const asked = table[String(name)]?.(...words) ?? [];
        if (asked.length > 0) note(asked);
        return Reflect.apply(value, target, words);
      };
    },
  });
}

/** The failure that says what is missing; any other one as it is. */
export async function explained(error: unknown, store: Store | undefined): Promise<unknown> {
  const { code, exit } = reportOf(error);
  if (exit !== EXIT.denied || error instanceof CliFailure || store === undefined) return error;
  const self = await store.access.self().catch(() => undefined);
  if (code === 'forbidden') return forbidden(LAST.get(store) ?? [], self) ?? error;
  // What needs no rights fails for another reason, such as a login.
  if (!LAST.has(store) || self?.isKnown !== false) return error;
  const message =
    'the cluster answers users only, and this call has no token or certificate of one, or the ' +
    'token has ended';
  const hint =
    'kvctl login --user NAME, kvctl login < FILE, or --token-file FILE; nothing was done';
  return new CliFailure({ code, exit, message, hint });
}

function forbidden(asked: readonly Asked[], self: AccessIdentity | undefined) {
  if (self === undefined || !self.isKnown || asked.length === 0) return undefined;
  const missing = asked.filter((one) => !isGranted(one, self));
  // Rights may have changed meanwhile.
  const lacking = missing.length > 0 ? missing : asked;
  const [first] = lacking;
  if (first === undefined) return undefined;
  const { user, roles } = self;
  const names = roles.map(({ name }) => name);
  const more = lacking.length > 1 ? `, and ${lacking.length - 1} more` : '';
  const grants = [...new Set(lacking.map(grantOf))].slice(0, GRANTS_MAX).join(' ');
  const all = [...names, 'NEW'].map(shellWord).join(' ');
  const rolesText = names.join(', ') || 'none';
  return new CliFailure({
    code: 'forbidden',
    exit: EXIT.denied,
    message: `user ${user} lacks ${lackText(first)}${more}; its roles: ${rolesText}`,
    hint:
      `nothing was done. An administrator grants it: kvctl role set NEW ${grants}, then ` +
      `kvctl user set ${shellWord(user)} ${all}`,
  });
}

const GRANTS_MAX = 4;

function lackText(asked: Asked): string {
  if ('key' in asked) return `${asked.verb} on ${nameOf(asked.key)}`;
  if (!('from' in asked)) return `the admin verb ${asked.verb}`;
  const { verb, from, to } = asked;
  if (from.length + to.length === 0) return `${verb} on all keys`;
  if (isPrefix(asked)) return `${verb} on the keys that begin with ${nameOf(from)}`;
  const end = to.length === 0 ? 'the end' : nameOf(to);
  return `${verb} on the keys from ${from.length === 0 ? 'the first' : nameOf(from)} to ${end}`;
}

/** In the form of `role set`, which knows prefixes only. */
function grantOf(asked: Asked): string {
  if ('key' in asked) return shellWord(`${asked.verb}:${textOf(asked.key) ?? ''}`);
  if (!('from' in asked)) return asked.verb;
  const { from, to } = asked;
  const prefix = isPrefix(asked) ? from : from.subarray(0, commonLength(from, to));
  return shellWord(`${asked.verb}:${textOf(prefix) ?? ''}`);
}

function isPrefix({ from, to }: KeySpan): boolean {
  const last = from.length - 1;
  return (
    last >= 0 &&
    to.length === from.length &&
    commonLength(from, to) === last &&
    to[last] === (from[last] ?? 0) + 1
  );
}

function commonLength(one: Uint8Array, other: Uint8Array): number {
  const at = one.findIndex((byte, index) => byte !== other[index]);
  return at < 0 ? one.length : at;
}

function nameOf(key: Uint8Array): string {
  return JSON.stringify(textOf(key) ?? `0x${Buffer.from(key).toString('hex')}`);
}

/** Keys in reports are texts of one character for each byte. */
function isGranted(asked: Asked, { roles }: AccessIdentity): boolean {
  if (!('key' in asked) && !('from' in asked)) {
    return roles.some(({ admin }) => admin.includes(asked.verb));
  }
  const latin = (bytes: Uint8Array) => Buffer.from(bytes).toString('latin1');
  const [from, to] =
    'key' in asked
      ? [latin(asked.key), `${latin(asked.key)}\0`]
      : [asked.from, asked.to].map(latin);
  return roles.some(({ grants }) => {
    return grants.some((grant) => {
      if (!grant.verbs.includes(asked.verb) || (from ?? '') < grant.from) return false;
      return grant.to === '' || (to !== '' && (to ?? '') <= grant.to);
    });
  });
}
