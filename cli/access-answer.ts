/** What the verbs for users, tokens and roles have in common. */

import type { AccessChange, GrantText, RoleText, StoredUse, UserLimits } from '../src/admin.ts';
import type { Call } from './call.ts';
import { EXIT, type Exit } from './exit-codes.ts';
import { textOption } from './options.ts';
import { writePrivate } from './private-file.ts';
import type { Store } from './store.ts';

/** Changes it, prints the name of what was changed, and waits until every node goes by it. */
export async function change(call: Call, store: Store, what: AccessChange): Promise<Exit> {
  const version = await store.access.change(what);
  await call.terminal.write(`${nameOf(what)}\n`);
  return await confirm(call, store, version);
}

function nameOf(what: AccessChange): string {
  switch (what.type) {
    case 'put-user':
      return what.user.name;
    case 'put-role':
      return what.role.name;
    case 'delete-user':
    case 'delete-role':
    case 'limit-user':
      return what.name;
    case 'delete-token':
      return what.id;
    case 'disable-access':
      return 'disabled';
  }
}

/** Says which nodes and shards have not confirmed it in time. */
export async function confirm(call: Call, store: Store, version: number): Promise<Exit> {
  const { nodes, shards } = await store.access.confirm(version);
  if (nodes.length + shards.length === 0) return EXIT.ok;
  const left = [
    ...(nodes.length > 0 ? [`node ${nodes.join(', ')}`] : []),
    ...(shards.length > 0 ? [`shard ${shards.join(', ')}`] : []),
  ];
  call.terminal.note(
    `stored, but not confirmed by ${left.join(' and ')}: what was permitted before may still be ` +
      'done there until it is reached; kvctl status shows what is down',
  );
  return EXIT.timeout;
}

/**
 * The token is printed once; or it goes into a file that only the current user can read, and its id
 * is printed.
 */
export async function giveToken(call: Call, token: string): Promise<void> {
  const path = textOption(call.options, 'out');
  if (path === undefined) return await call.terminal.write(`${token}\n`);
  writePrivate(path, `${token}\n`);
  await call.terminal.write(`${token.split('.')[0]}\n`);
  call.terminal.note(`the token is in ${path}: use it with kvctl login < ${path}`);
}

/** `1000 requests/s, 20 connections`; empty without limits. */
export function limitsText(limits: UserLimits | undefined): string {
  if (limits === undefined) return '';
  const { requestsPerSecond, bytesPerSecond, connections, watches } = limits;
  const parts = [
    [requestsPerSecond, 'requests/s'],
    [bytesPerSecond, 'bytes/s'],
    [connections, 'connections'],
    [watches, 'watches'],
  ] as const;
  const set = parts.filter(([allowed]) => allowed > 0);
  return set.map(([allowed, what]) => `${allowed} ${what}`).join(', ');
}

/** `990 of 1000 keys, 5000000 bytes`; empty without limits of what is stored. */
export function storedText(use: StoredUse | undefined): string {
  if (use === undefined) return '';
  const { storedKeys, storedBytes, usedKeys, usedBytes, isComplete } = use;
  const parts = [
    [usedKeys, storedKeys, 'keys'],
    [usedBytes, storedBytes, 'bytes'],
  ] as const;
  const text = parts.map(([used, allowed, what]) => {
    return allowed > 0 ? `${used} of ${allowed} ${what}` : `${used} ${what}`;
  });
  return `${isComplete ? '' : 'at least '}${text.join(', ')}`;
}

export function grantsText({ grants, admin }: RoleText): string {
  return [...grants.map(grantText), ...(admin.length > 0 ? [admin.join(',')] : [])].join(' ');
}

/** A prefix in the form that `role set` takes, or both ends of another range. */
function grantText({ from, to, verbs }: GrantText): string {
  const last = from.charCodeAt(from.length - 1);
  const behind = from.slice(0, -1) + String.fromCharCode(last + 1);
  const isPrefix = from.length > 0 ? to === behind : to === '';
  return `${verbs.join(',')}:${isPrefix ? from : `[${from},${to})`}`;
}
