/** `kvctl token list|create|revoke`. */

import { change, confirm, giveToken } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { durationOption, textOption } from '../options.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [
  { title: 'TOKEN' },
  { title: 'USER' },
  { title: 'SCOPE' },
  { title: 'UNTIL' },
  { title: 'NOTE' },
];

export async function run(call: Call): Promise<Exit> {
  const [action, name, ...more] = call.words;
  if (action === 'list' && name === undefined) return await list(call);
  if (action === 'create' && name !== undefined && more.length === 0) {
    return await create(call, name);
  }
  if (action === 'revoke' && name !== undefined && more.length === 0) {
    return await change(call, await call.store(), { type: 'delete-token', id: name });
  }
  throw usageFailure(
    `token ${call.words.join(' ')} is no command`,
    'use kvctl token list, kvctl token create USER or kvctl token revoke ID',
  );
}

async function list(call: Call): Promise<Exit> {
  const { tokens } = await (await call.store()).access.report();
  const rows = tokens.map(({ id, user, scope, expiresAt, note }) => {
    const until = expiresAt === 0 ? 'never' : new Date(expiresAt).toISOString();
    return [id, user, scope.join(',') || 'all', until, note];
  });
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain: tokens });
  return EXIT.ok;
}

async function create(call: Call, user: string): Promise<Exit> {
  const { options } = call;
  const ttl = durationOption(options, 'ttl');
  const scope = textOption(options, 'scope')?.split(',') ?? [];
  const note = textOption(options, 'note') ?? '';
  const expiresAt = ttl === undefined ? 0 : Date.now() + ttl;
  const store = await call.store();
  const token = await store.access.createToken({ user, scope, expiresAt, note });
  await giveToken(call, token);
  return await confirm(call, store, 0);
}
