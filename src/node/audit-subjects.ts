/**
 * Which requests of clients are audited, and what the audit trail tells of each: never a value, and
 * never a secret. One table of all types of requests, one of all commands of the catalog: a type
 * that lacks its row does not compile. Pure.
 */

import type { Need } from '../access/principal.ts';
import { hexOf } from '../access/token.ts';
import { AUDIT_LIMITS } from '../audit/limits.ts';
import type { AuditRule } from '../audit/policy.ts';
import { unreachable } from '../base/assert.ts';
import { compareBytes } from '../base/bytes.ts';
import { type CatalogCommand, decodeCommand } from '../catalog/command.ts';
import type { Request } from '../wire/request.ts';
import { needsOf } from './needs.ts';

/** What a line of the trail says of a request. */
export interface AuditSubject {
  readonly what: string;
  readonly on: Plain;
}

type Plain = Readonly<Record<string, unknown>>;

/**
 * - `administration`: always.
 * - `data`: if a rule of the policy covers one of its keys or a part of its range.
 * - `never`: it changes nothing, and shows no key. If it is denied, that is audited all the same.
 */
type AuditClass = 'administration' | 'data' | 'never';

const CLASSES: Readonly<Record<Request['type'], AuditClass>> = {
  map: 'never',
  write: 'data',
  read: 'data',
  range: 'data',
  command: 'administration',
  info: 'never',
  transact: 'data',
  // Clients may not ask it.
  step: 'never',
  validate: 'data',
  settle: 'administration',
  pending: 'never',
  watch: 'data',
  // About a stream that has its lines.
  credit: 'never',
  cancel: 'never',
  reach: 'never',
  barrier: 'data',
  // Of leases, again and again while their clients live: it names no key.
  keep: 'never',
  'await-ticket': 'data',
  coordination: 'never',
  // `Audit.login` tells of it, as of a hello.
  login: 'never',
  // Only that of all users; see `subjectOf`.
  access: 'administration',
};

type Subjects = {
  readonly [Type in CatalogCommand['type']]: (
    one: Extract<CatalogCommand, { readonly type: Type }>,
  ) => Plain;
};

const COMMANDS: Subjects = {
  join: ({ description: { name, peerUrl, clientUrl } }) => ({ name, peerUrl, clientUrl }),
  'set-membership': ({ node, membership, isForced }) => ({ node, membership, isForced }),
  'enable-access': ({ token, isForced }) => ({ ...(token && tokenPlain(token)), isForced }),
  'disable-access': () => ({}),
  'put-role': ({ role: { name: role, grants, admin } }) => {
    const told = grants.slice(0, AUDIT_LIMITS.subjectsMax).map(({ from, to, verbs }) => {
      return { verb: verbs.join(), ...rangePlain(from, to) };
    });
    const more = grants.length - told.length;
    return { role, grants: told, admin, ...(more > 0 ? { more } : {}) };
  },
  'delete-role': ({ name: role }) => ({ role }),
  'put-user': ({ user: { name: user, roles } }) => ({ user, roles }),
  'delete-user': ({ name: user }) => ({ user }),
  'limit-user': ({ limits }) => ({ ...limits }),
  'limit-user-storage': ({ limits, storage }) => ({ ...limits, ...storage }),
  'put-token': ({ token }) => tokenPlain(token),
  'delete-token': ({ token }) => ({ token: hexOf(token) }),
  'put-password': ({ user, password, endsLogins }) => {
    return { user, isRemoved: password === undefined, endsLogins };
  },
  // From a client these are denied.
  'add-login': () => ({}),
  found: () => ({}),
  announce: ({ node }) => ({ node }),
  aim: () => ({}),
  place: ({ shard }) => ({ shard }),
  report: ({ shard }) => ({ shard }),
  lose: ({ shard }) => ({ shard }),
  permitted: () => ({}),
};

/** Undefined: the request is not audited. */
export function subjectOf(request: Request, rules: readonly AuditRule[]): AuditSubject | undefined {
  const kind = CLASSES[request.type];
  switch (kind) {
    case 'never':
      return undefined;
    case 'administration': {
      const isOwn = request.type === 'access' && request.what === 'self';
      return isOwn ? undefined : describe(request);
    }
    case 'data': {
      if (rules.length === 0) return undefined;
      const touches = touchesOf(request).filter((touch) =>
        rules.some((rule) => covers(rule, touch)),
      );
      return touches.length === 0 ? undefined : dataSubject(request, touches);
    }
    default:
      return unreachable(kind);
  }
}

/** What is told of any request, as of one that is denied. */
export function describe(request: Request): AuditSubject {
  if (request.type === 'command') {
    const decoded = decodeCommand(request.command);
    if (decoded.type !== 'known') return { what: 'command', on: {} };
    const { command } = decoded;
    const on = (COMMANDS[command.type] as (one: CatalogCommand) => Plain)(command);
    return { what: command.type, on };
  }
  if (request.type === 'settle') {
    const { home, client, sequence } = request.contender.id;
    return { what: 'settle', on: { transaction: { home, client: hexOf(client), sequence } } };
  }
  if (request.type === 'access') return { what: 'access', on: { report: request.what } };
  return dataSubject(request, touchesOf(request));
}

type Touch = Extract<Need, { readonly type: 'key' | 'range' }>;

/** What it does with which keys: what it needs of its client. */
function touchesOf(request: Request): readonly Touch[] {
  const needs = needsOf(request);
  if (typeof needs === 'string') return [];
  return needs.filter((need): need is Touch => need.type === 'key' || need.type === 'range');
}

function covers({ prefix, verbs }: AuditRule, touch: Touch): boolean {
  if (!touch.verbs.some((verb) => verbs.includes(verb))) return false;
  if (touch.type === 'key') return hasPrefix(touch.key, prefix);
  // The range has a key with the prefix unless it ends before the first one, or begins behind all.
  const { from, to } = touch;
  const isBefore = to.length > 0 && compareBytes(to, prefix) <= 0;
  const isBehind = compareBytes(from, prefix) > 0 && !hasPrefix(from, prefix);
  return !isBefore && !isBehind;
}

function hasPrefix(key: Uint8Array, prefix: Uint8Array): boolean {
  return prefix.every((byte, at) => key[at] === byte);
}

function dataSubject({ type: what }: Request, touches: readonly Touch[]): AuditSubject {
  const told = touches.slice(0, AUDIT_LIMITS.subjectsMax).map((touch) => {
    const verb = touch.verbs.join();
    if (touch.type === 'range') return { verb, ...rangePlain(touch.from, touch.to) };
    return { verb, ...bytesPlain('key', touch.key) };
  });
  const more = touches.length - told.length;
  return {
    what,
    on: { ...(told.length > 0 ? { keys: told } : {}), ...(more > 0 ? { more } : {}) },
  };
}

function rangePlain(from: Uint8Array, to: Uint8Array): Plain {
  return { ...bytesPlain('from', from), ...bytesPlain('to', to) };
}

const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

/** As text under its name, or in hex under its name and `Hex`; a long one is cut. */
function bytesPlain(name: string, bytes: Uint8Array): Plain {
  const { keyBytesMax } = AUDIT_LIMITS;
  const isCut = bytes.length > keyBytesMax;
  const shown = isCut ? bytes.subarray(0, keyBytesMax) : bytes;
  const text = textOf(shown);
  const size = isCut ? { [`${name}Bytes`]: bytes.length } : {};
  return text === undefined ? { [`${name}Hex`]: hexOf(shown), ...size } : { [name]: text, ...size };
}

function textOf(bytes: Uint8Array): string | undefined {
  try {
    return decoder.decode(bytes);
  } catch {
    return undefined;
  }
}

/** Never the digest, nor the note, which people write. */
function tokenPlain({
  id,
  user,
  scope,
  expiresAt,
}: Extract<CatalogCommand, { readonly type: 'put-token' }>['token']): Plain {
  return { token: hexOf(id), user, scope, expiresAt };
}
