/** `kvctl whoami`: the user of the token, and what it may do. */

import { grantsText, limitsText } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [{ title: 'ROLE' }, { title: 'GRANTS' }];

export async function run(call: Call): Promise<Exit> {
  const { terminal } = call;
  const self = await (await call.store()).access.self();
  const { isEnabled, isKnown, user, token, expiresAt, roles } = self;
  const exit = isKnown || !isEnabled ? EXIT.ok : EXIT.denied;
  if (formatOf(call) === 'json') {
    await terminal.write(`${JSON.stringify(self)}\n`);
    return exit;
  }
  if (!isEnabled) terminal.note('access control is not enabled: everyone may do everything');
  if (!isKnown) {
    await terminal.write('anonymous\n');
    if (isEnabled) terminal.note('no token or certificate of a user: run kvctl login');
    return exit;
  }
  const end = expiresAt === 0 ? '' : `, until ${new Date(expiresAt).toISOString()}`;
  const proof = token === '' ? 'certificate' : `token ${token}`;
  await terminal.write(`${user} (${proof}${end})\n`);
  const rows = roles.map((role) => [role.name, grantsText(role)]);
  await printRows(terminal, 'table', { columns: COLUMNS, rows, plain: roles });
  const limits = limitsText(self.limits);
  if (limits !== '') terminal.note(`limited at each node to ${limits}`);
  return exit;
}
