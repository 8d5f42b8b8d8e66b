/** `kvctl user list|set|password|limit|delete`. */

import type { StorageLimits, UserLimits } from '../../src/admin.ts';
import { change, confirm, limitsText, storedText } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { bytesOption, countOption } from '../options.ts';
import { readPassword } from '../password-input.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [
  { title: 'USER' },
  { title: 'ROLES' },
  { title: 'TOKENS', isNumber: true },
  { title: 'PASSWORD' },
  { title: 'LIMITS' },
  { title: 'STORED' },
];

export async function run(call: Call): Promise<Exit> {
  const [action, name, ...roles] = call.words;
  if (action === 'list' && name === undefined) return await list(call);
  if (action === 'set' && name !== undefined && roles.length > 0) {
    return await change(call, await call.store(), { type: 'put-user', user: { name, roles } });
  }
  if (action === 'limit' && name !== undefined && roles.length === 0) {
    const limits = limitsIn(call);
    return await change(call, await call.store(), { type: 'limit-user', name, limits });
  }
  if (action === 'delete' && name !== undefined && roles.length === 0) {
    return await change(call, await call.store(), { type: 'delete-user', name });
  }
  if (action === 'password' && name !== undefined && roles.length === 0) {
    return await setPassword(call, name);
  }
  throw usageFailure(
    `user ${call.words.join(' ')} is no command`,
    'use kvctl user list, user set NAME ROLE..., user password NAME, ' +
      'user limit NAME --requests 1000 or user delete NAME',
  );
}

async function list(call: Call): Promise<Exit> {
  const { users, tokens, limited = [], stored = [] } = await (await call.store()).access.report();
  const limitsOf = (name: string) => limited.find(({ user }) => user === name);
  const storedOf = (name: string) => stored.find(({ user }) => user === name);
  const rows = users.map(({ name, roles, hasPassword }) => {
    const count = tokens.filter(({ user }) => user === name).length;
    const password = hasPassword ? 'yes' : 'no';
    const [limits, use] = [limitsText(limitsOf(name)), storedText(storedOf(name))];
    return [name, roles.join(','), `${count}`, password, limits, use];
  });
  const plain = users.map((user) => {
    const { user: _, ...limits } = limitsOf(user.name) ?? { user: '' };
    const { user: __, ...use } = storedOf(user.name) ?? { user: '' };
    return { ...user, limits, stored: use };
  });
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain });
  return EXIT.ok;
}

/** The password itself does not leave this process. */
async function setPassword(call: Call, user: string): Promise<Exit> {
  const { options, terminal } = call;
  const store = await call.store();
  const isRemoved = options.remove === true;
  const password = isRemoved ? undefined : await readPassword(call, { isNew: true });
  const endsLogins = options.revokeTokens === true;
  const version = await store.access.setPassword({ user, password, endsLogins });
  await terminal.write(`${user}\n`);
  if (!endsLogins) {
    terminal.note('tokens of earlier logins stay valid until they end; --revoke-tokens ends them');
  }
  return await confirm(call, store, version);
}

/** All limits of the user; what no option names is not limited. */
function limitsIn({ options }: Call): Partial<UserLimits & StorageLimits> {
  const given = {
    requestsPerSecond: countOption(options, 'requests', { min: 1, max: LIMIT_MAX }),
    bytesPerSecond: bytesOption(options, 'bytes', { max: LIMIT_MAX }),
    connections: countOption(options, 'connections', { min: 1, max: LIMIT_MAX }),
    watches: countOption(options, 'watches', { min: 1, max: LIMIT_MAX }),
    storedKeys: countOption(options, 'keys', { min: 1, max: STORAGE_LIMIT_MAX }),
    storedBytes: bytesOption(options, 'storedBytes', { max: STORAGE_LIMIT_MAX }),
  };
  const named = Object.entries(given).filter(([, allowed]) => allowed !== undefined);
  const isNone = options.none === true;
  if (isNone === named.length > 0) {
    throw usageFailure(
      isNone ? '--none excludes other limits' : 'no limit is given',
      'name each limit that shall hold, such as --requests 1000, or --none to lift all of them',
    );
  }
  return Object.fromEntries(named);
}

/** The largest ones that the catalog stores. */
const LIMIT_MAX = 2 ** 40;
const STORAGE_LIMIT_MAX = 2 ** 50;
