/** `kvctl user list|set|delete`. */

import { change } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [{ title: 'USER' }, { title: 'ROLES' }, { title: 'TOKENS', isNumber: true }];

export async function run(call: Call): Promise<Exit> {
  const [action, name, ...roles] = call.words;
  if (action === 'list' && name === undefined) return await list(call);
  const store = await call.store();
  if (action === 'set' && name !== undefined && roles.length > 0) {
    return await change(call, store, { type: 'put-user', user: { name, roles } });
  }
  if (action === 'delete' && name !== undefined && roles.length === 0) {
    return await change(call, store, { type: 'delete-user', name });
  }
  throw usageFailure(
    `user ${call.words.join(' ')} is no command`,
    'use kvctl user list, kvctl user set NAME ROLE... or kvctl user delete NAME',
  );
}

async function list(call: Call): Promise<Exit> {
  const { users, tokens } = await (await call.store()).access.report();
  const rows = users.map(({ name, roles }) => {
    const count = tokens.filter(({ user }) => user === name).length;
    return [name, roles.join(','), `${count}`];
  });
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain: users });
  return EXIT.ok;
}
