/** `kvctl role list|set|delete`. */

import type { AdminVerb, KeyGrant, KeyVerb, Role } from '../../src/admin.ts';
import { change, grantsText } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [{ title: 'ROLE' }, { title: 'GRANTS' }];
const KEY_VERBS: readonly string[] = ['read', 'write', 'watch', 'lock'];
const ADMIN_VERBS: readonly string[] = ['observe', 'nodes', 'transactions', 'access'];

export async function run(call: Call): Promise<Exit> {
  const [action, name, ...grants] = call.words;
  if (action === 'list' && name === undefined) return await list(call);
  const store = await call.store();
  if (action === 'set' && name !== undefined && grants.length > 0) {
    return await change(call, store, { type: 'put-role', role: roleOf(name, grants) });
  }
  if (action === 'delete' && name !== undefined && grants.length === 0) {
    return await change(call, store, { type: 'delete-role', name });
  }
  throw usageFailure(
    `role ${call.words.join(' ')} is no command`,
    'use kvctl role list, kvctl role set NAME VERBS:PREFIX... or kvctl role delete NAME',
  );
}

async function list(call: Call): Promise<Exit> {
  const { roles } = await (await call.store()).access.report();
  const rows = roles.map((role) => [role.name, grantsText(role)]);
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain: roles });
  return EXIT.ok;
}

function roleOf(name: string, words: readonly string[]): Role {
  const grants = words.filter((word) => word.includes(':')).map(grantOf);
  const others = words.filter((word) => !word.includes(':'));
  const admin = others.flatMap((word) => verbsIn(word, word, ADMIN_VERBS)) as AdminVerb[];
  return { name, grants, admin };
}

function grantOf(word: string): KeyGrant {
  const at = word.indexOf(':');
  const verbs = verbsIn(word.slice(0, at), word, KEY_VERBS) as KeyVerb[];
  const from = new TextEncoder().encode(word.slice(at + 1));
  // The last byte of a UTF-8 text is never 255.
  const to = from.slice();
  to[to.length - 1] = (to.at(-1) ?? 0) + 1;
  return { from, to: from.length === 0 ? from : to, verbs };
}

function verbsIn(text: string, word: string, known: readonly string[]): string[] {
  const verbs = text.split(',');
  const wrong = verbs.find((verb) => !known.includes(verb));
  if (wrong === undefined) return verbs;
  throw usageFailure(
    `${JSON.stringify(wrong)} in ${JSON.stringify(word)} is no verb`,
    `before a colon stand ${KEY_VERBS.join(', ')}; without one ${ADMIN_VERBS.join(', ')}`,
  );
}
