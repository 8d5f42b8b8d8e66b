/** Builds the indexes of a table, and prints how far it is: a process to be killed. */

import { connect } from '../../src/index.ts';
import { openTables } from '../../src/tables.ts';
import { indexed } from './tables-schema.ts';

const kv = await connect(process.argv.slice(2), { timeout: 60_000 });
await openTables(kv, {
  schema: { accounts: indexed },
  onProgress: ({ index, phase, rows }) => console.log(index, phase, rows),
});
await kv.close();
