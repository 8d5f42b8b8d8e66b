/**
 * How many requests each request counts as for the limits of its user. One table: a type that lacks
 * its row does not compile. Pure.
 */

import { decodeBatch } from '../machine/batch.ts';
import type { Request } from '../wire/request.ts';

type Charges = {
  readonly [Type in Request['type']]: (one: Extract<Request, { readonly type: Type }>) => number;
};

/**
 * Administration is exempt: a user that may change limits is never kept from it by limits. So is
 * what only steers an open stream, and what keeps leases alive: a refusal would end them.
 */
const EXEMPT = () => 0;
const ONE = () => 1;

const CHARGES: Charges = {
  map: EXEMPT,
  // The library sends the calls of one turn together, so each command and each key counts.
  write: ({ batch }) => Math.max(decodeBatch(batch)?.commands.length ?? 0, 1),
  read: ({ keys }) => Math.max(keys.length, 1),
  range: ONE,
  command: EXEMPT,
  info: EXEMPT,
  transact: ONE,
  step: EXEMPT,
  validate: ONE,
  settle: EXEMPT,
  pending: EXEMPT,
  watch: ONE,
  credit: EXEMPT,
  cancel: EXEMPT,
  reach: EXEMPT,
  barrier: ONE,
  keep: EXEMPT,
  'await-ticket': ONE,
  coordination: EXEMPT,
  access: EXEMPT,
  // It has limits of its own, and its client has no user yet.
  login: EXEMPT,
};

/** 0: no limit applies to it. */
export function chargeOf(request: Request): number {
  return (CHARGES[request.type] as (one: Request) => number)(request);
}
