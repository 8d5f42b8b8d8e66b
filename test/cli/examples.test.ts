/** Every example of a verb that asks a cluster is run, as it stands in the help. */

import assert from 'node:assert/strict';
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import test from 'node:test';
import { wordsOf } from '../../cli/shell-words.ts';
import { VERBS } from '../../cli/verbs.ts';
import { kvctl } from './called.ts';
import { clusterWith, NODES } from './small-cluster.ts';

const COMMANDS = 'put a 1\n# and\nadd b 2\n';

const LEASE = {
  id: '959715c4c476eef8c31d8956be98d217',
  shard: 3,
  ttl: 15_000,
  left: 9000,
  isEnded: false,
  tickets: 1,
  client: '5'.repeat(32),
  note: 'worker 7',
};

const TICKET = {
  name: Buffer.from('report'),
  lease: LEASE.id,
  kind: 'exclusive',
  permits: 1,
  token: 42,
  age: 61_000,
  client: LEASE.client,
  note: 'nightly',
} as const;

const CHANGE = {
  type: 'delete',
  key: Buffer.from('user:7'),
  previousVersion: 1042,
  transaction: '3-1050-0',
} as const;

test('each example does what it says', async (context) => {
  const home = process.cwd();
  const { XDG_CONFIG_HOME: before = '' } = process.env;
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-examples-'));
  context.after(() => {
    process.chdir(home);
    process.env.XDG_CONFIG_HOME = before;
    rmSync(folder, { recursive: true });
  });
  process.chdir(folder);
  // Where `login` stores tokens.
  process.env.XDG_CONFIG_HOME = folder;
  writeFileSync('photo.jpg', Buffer.from([0xff, 0xd8, 0]));
  writeFileSync('commands.txt', COMMANDS);
  writeFileSync('saved.ndjson', '{"key": "a", "value": {"$bytes": "AQ=="}}\n');
  const asking = VERBS.filter(({ name, isRemote }) => isRemote && name !== 'shell');
  for (const { name, examples } of asking) {
    for (const example of examples) {
      const store = clusterWith(NODES);
      store.plant('user:7', 'Bob', 1042);
      store.leaseList = [LEASE];
      store.ticketList = [TICKET];
      store.changes = [CHANGE];
      for (const key of ['greeting', 'photo', 'session:9']) store.plant(key, key);
      // What stands around it is for the shell.
      const [, words = '', file] = /kvctl ([^|<>]*)(?:< (\S+))?/.exec(example) ?? [];
      const input = file === undefined ? Buffer.from('today') : readFileSync(file);
      const { exit, data, notes } = await kvctl(wordsOf(words), { store, input });
      assert.equal(exit, 0, `${name}: ${example}\n${notes}`);
      const isSilent =
        ['kvctl txn list', 'kvctl scan --prefix user: --limit 20'].includes(example) ||
        // What they run prints nothing.
        ['lock', 'elect'].includes(name);
      assert.ok(data.length > 0 || isSilent, example);
    }
  }
});
