/**
 * What each request needs of its client. One table of all types of requests, one of all operations,
 * one of all commands of the catalog: a type that lacks its row does not compile. Pure.
 */

import type { Need } from '../access/principal.ts';
import type { AdminVerb } from '../access/role.ts';
import { CATALOG_SHARD } from '../catalog/cluster-map.ts';
import { type CatalogCommand, decodeCommand } from '../catalog/command.ts';
import { decodeBatch } from '../machine/batch.ts';
import type { Command, Operation } from '../machine/command.ts';
import { decodeOperations, decodeTransaction } from '../machine/transaction-codec.ts';
import type { Request } from '../wire/request.ts';

/**
 * - `anyone`: also a client without a token.
 * - `known`: every client with a valid token; what is asked is its own, or nothing.
 * - `nodes-only`: no client may ask it.
 */
type Needs = 'anyone' | 'known' | 'nodes-only' | readonly Need[];

type Table<Union extends { readonly type: string }, Result> = {
  readonly [Type in Union['type']]: (one: Extract<Union, { readonly type: Type }>) => Result;
};

const OBSERVE: readonly Need[] = [{ type: 'admin', verb: 'observe' }];
/** What it names, a lease or a transaction, has an id that only its owner and operators know. */
const OWN: readonly Need[] = [{ type: 'own', verbs: ['write', 'lock'], admin: 'transactions' }];

const REQUESTS: Table<Request, Needs> = {
  // Where nodes and shards are: no key, no user. Nodes that look for each other ask for it, too.
  map: () => 'anyone',
  write: ({ batch }) => ofCommands(decodeBatch(batch)?.commands),
  read: ({ keys }) => keys.map((key): Need => ({ type: 'key', verbs: ['read'], key })),
  range: ({ range }) => [{ type: 'range', verbs: ['read'], from: range.from, to: range.to }],
  command: ({ command }) => ofCatalogCommand(command),
  info: () => OBSERVE,
  transact: ({ transaction }) => {
    return ofCommands(decodeTransaction(transaction)?.parts.map(({ operations }) => operations));
  },
  step: () => 'nodes-only',
  validate: ({ checks }) => ofCommands([decodeOperations(checks) ?? []]),
  settle: () => OWN,
  pending: () => OBSERVE,
  watch: ({ from, to }) => [{ type: 'range', verbs: ['watch'], from, to }],
  credit: () => 'known',
  cancel: () => 'known',
  reach: () => 'known',
  barrier: ({ from, to }) => [{ type: 'range', verbs: ['watch', 'read'], from, to }],
  keep: () => OWN,
  'await-ticket': ({ name }) => [{ type: 'key', verbs: ['lock'], key: name }],
  coordination: () => OBSERVE,
  login: () => 'anyone',
  access: ({ what }) => (what === 'self' ? 'anyone' : [{ type: 'admin', verb: 'access' }]),
};

const OPERATIONS: Table<Operation, readonly Need[]> = {
  // A check tells something of the value, so it is a read.
  'check-version': ({ key }) => [{ type: 'key', verbs: ['read'], key }],
  'check-value': ({ key }) => [{ type: 'key', verbs: ['read'], key }],
  'check-presence': ({ key }) => [{ type: 'key', verbs: ['read'], key }],
  'check-range': ({ key, to }) => [{ type: 'range', verbs: ['read'], from: key, to }],
  get: ({ key }) => [{ type: 'key', verbs: ['read'], key }],
  set: writing,
  delete: writing,
  add: writing,
  min: writing,
  max: writing,
  append: writing,
  touch: writing,
  acquire: ({ key }) => [{ type: 'key', verbs: ['lock'], key }],
  release: ({ key }) => [{ type: 'key', verbs: ['lock'], key }],
  'end-lease': () => OWN,
  // The key is for routing alone.
  fence: ({ name }) => [{ type: 'key', verbs: ['lock'], key: name }],
};

const COMMANDS: Table<CatalogCommand, AdminVerb | 'anyone' | 'nodes-only' | Need> = {
  // With the proof of the cluster secret, which the router checks.
  join: ({ proof }) => (proof === undefined ? 'nodes' : 'anyone'),
  'set-membership': () => 'nodes',
  'enable-access': () => 'access',
  'disable-access': () => 'access',
  'put-role': () => 'access',
  'delete-role': () => 'access',
  'put-user': () => 'access',
  'delete-user': () => 'access',
  'put-token': () => 'access',
  // Its own as well: who logs out.
  'delete-token': ({ token: id }) => ({ type: 'token', id, admin: 'access' }),
  // Also one's own: a token with few of the roles of its user must not lead to one with all.
  'put-password': () => 'access',
  'add-login': () => 'nodes-only',
  'limit-user': () => 'access',
  'limit-user-storage': () => 'access',
  found: () => 'nodes-only',
  announce: () => 'nodes-only',
  aim: () => 'nodes-only',
  place: () => 'nodes-only',
  report: () => 'nodes-only',
  lose: () => 'nodes-only',
  permitted: () => 'nodes-only',
};

/** Required: nothing is served of bytes that do not decode; what they need is of no concern. */
export function needsOf(request: Request): Needs {
  // Rows of the catalog are no keys of users.
  const isOfCatalog = 'shard' in request && request.shard === CATALOG_SHARD;
  if (isOfCatalog && request.type !== 'settle') return 'nodes-only';
  return (REQUESTS[request.type] as (one: Request) => Needs)(request);
}

/** A node asks for a number. */
export function isJoin(request: Request): boolean {
  if (request.type !== 'command') return false;
  const decoded = decodeCommand(request.command);
  return decoded.type === 'known' && decoded.command.type === 'join';
}

function ofCommands(commands: readonly Command[] | undefined): Needs {
  const needs = (commands ?? []).flatMap((one) => one.flatMap(needsOfOperation));
  return needs.length === 0 ? 'known' : needs;
}

function needsOfOperation(operation: Operation): readonly Need[] {
  return (OPERATIONS[operation.type] as (one: Operation) => readonly Need[])(operation);
}

function ofCatalogCommand(bytes: Uint8Array): Needs {
  const decoded = decodeCommand(bytes);
  if (decoded.type !== 'known') return 'nodes-only';
  const { command } = decoded;
  const verb = (
    COMMANDS[command.type] as (one: CatalogCommand) => ReturnType<(typeof COMMANDS)['join']>
  )(command);
  if (verb === 'anyone' || verb === 'nodes-only') return verb;
  return [typeof verb === 'string' ? { type: 'admin', verb } : verb];
}

function writing({ key }: { readonly key: Uint8Array }): readonly Need[] {
  return [{ type: 'key', verbs: ['write'], key }];
}
