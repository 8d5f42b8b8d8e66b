/** `kvctl user list|set|limit|delete`. */

import type { UserLimits } from '../../src/admin.ts';
import { change, limitsText } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';
import { bytesOption, countOption } from '../options.ts';
import { printRows } from '../printers/rows.ts';

const COLUMNS = [
  { title: 'USER' },
  { title: 'ROLES' },
  { title: 'TOKENS', isNumber: true },
  { title: 'LIMITS' },
];

export async function run(call: Call): Promise<Exit> {
  const [action, name, ...roles] = call.words;
  if (action === 'list' && name === undefined) return await list(call);
  const store = await call.store();
  if (action === 'set' && name !== undefined && roles.length > 0) {
    return await change(call, store, { type: 'put-user', user: { name, roles } });
  }
  if (action === 'limit' && name !== undefined && roles.length === 0) {
    const limits = limitsIn(call);
    return await change(call, store, { type: 'limit-user', name, limits });
  }
  if (action === 'delete' && name !== undefined && roles.length === 0) {
    return await change(call, store, { type: 'delete-user', name });
  }
  throw usageFailure(
    `user ${call.words.join(' ')} is no command`,
    'use kvctl user list, kvctl user set NAME ROLE..., kvctl user limit NAME --requests 1000 or ' +
      'kvctl user delete NAME',
  );
}

async function list(call: Call): Promise<Exit> {
  const { users, tokens, limited = [] } = await (await call.store()).access.report();
  const limitsOf = (name: string) => limited.find(({ user }) => user === name);
  const rows = users.map(({ name, roles }) => {
    const count = tokens.filter(({ user }) => user === name).length;
    return [name, roles.join(','), `${count}`, limitsText(limitsOf(name))];
  });
  const plain = users.map((user) => {
    const { user: _, ...limits } = limitsOf(user.name) ?? { user: '' };
    return { ...user, limits };
  });
  await printRows(call.terminal, formatOf(call), { columns: COLUMNS, rows, plain });
  return EXIT.ok;
}

/** All limits of the user; what no option names is not limited. */
function limitsIn({ options }: Call): Partial<UserLimits> {
  const given = {
    requestsPerSecond: countOption(options, 'requests', { min: 1, max: LIMIT_MAX }),
    bytesPerSecond: bytesOption(options, 'bytes', { max: LIMIT_MAX }),
    connections: countOption(options, 'connections', { min: 1, max: LIMIT_MAX }),
    watches: countOption(options, 'watches', { min: 1, max: LIMIT_MAX }),
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

/** The largest one that the catalog stores. */
const LIMIT_MAX = 2 ** 40;
