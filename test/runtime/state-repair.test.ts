/** What may replace a damaged state store, and what becomes of the damaged one. */

import { deepEqual, rejects } from 'node:assert/strict';
import { mkdirSync, readdirSync, writeFileSync } from 'node:fs';
import { join } from 'node:path';
import { test } from 'node:test';
import type { MemberId, ShardId } from '../../src/base/ids.ts';
import type { Configuration } from '../../src/raft/configuration.ts';
import { type Repair, repair } from '../../src/runtime/state-repair.ts';
import type { Log } from '../../src/storage/log/log.ts';
import { StateStoreDamaged } from '../../src/storage/state/state.ts';
import { temporaryFolder } from '../storage/temporary.ts';

const SELF = 1 as MemberId;
const PEER = 2 as MemberId;

interface Kept {
  /** The entry after which the log begins. */
  readonly base?: number;
  readonly hasDamage?: boolean;
  readonly voters?: readonly MemberId[];
  readonly outgoing?: readonly MemberId[];
  readonly learners?: readonly MemberId[];
}

/** A log with one replica for each of these; shards are numbered from 0. */
function logOf(kept: readonly Kept[]): Log {
  const replica = (shard: number) => {
    const {
      base = 0,
      hasDamage = false,
      voters = [SELF],
      outgoing = [],
      learners = [],
    } = kept[shard] ?? {};
    const configuration: Configuration = { voters, outgoing, learners };
    return {
      member: SELF,
      log: { base: { index: base, term: 1 }, damaged: hasDamage ? [base + 1] : [] },
      configurations: [{ at: { index: 0, term: 0 }, configuration }],
    };
  };
  return { shards: kept.map((_, at) => at as ShardId), replica } as unknown as Log;
}

function folderWith(content: string): string {
  const folder = temporaryFolder();
  mkdirSync(join(folder, 'state'));
  writeFileSync(join(folder, 'state', content), '');
  return folder;
}

function replace(folder: string, kept: readonly Kept[]): Promise<Repair> {
  const state = join(folder, 'state');
  const damage = new StateStoreDamaged({ name: state, places: ['7.ldb is missing'] });
  return repair({ folder, state, damage, log: logOf(kept) });
}

const REPLACEABLE: readonly (readonly [what: string, kept: readonly Kept[]])[] = [
  ['nothing lives here', []],
  ['the log has everything', [{}]],
  ['another voter has it', [{ base: 5, voters: [SELF, PEER] }]],
  ['a voter that leaves has it', [{ base: 5, outgoing: [SELF, PEER] }]],
  ['another voter has what the log lost', [{ hasDamage: true, voters: [PEER] }]],
];

for (const [what, kept] of REPLACEABLE) {
  test(`a damaged store is set aside: ${what}`, async () => {
    const folder = folderWith('one');
    deepEqual(await replace(folder, kept), {
      type: 'set-aside',
      aside: join(folder, 'state.damaged-1'),
    });
    deepEqual(readdirSync(folder), ['state.damaged-1']);
    deepEqual(readdirSync(join(folder, 'state.damaged-1')), ['one']);
  });
}

const IRREPLACEABLE: readonly (readonly [what: string, kept: readonly Kept[]])[] = [
  ['the only voter’s log does not go back to the beginning', [{}, { base: 5 }]],
  ['the only voter’s log is damaged', [{}, { hasDamage: true }]],
  ['learners may lack some of it', [{}, { base: 5, learners: [PEER] }]],
];

for (const [what, kept] of IRREPLACEABLE) {
  test(`a damaged store stays where it is: ${what}`, async () => {
    const folder = folderWith('one');
    await rejects(replace(folder, kept), {
      code: 'store-damaged',
      message: /7\.ldb is missing.*the only replica of shard 1.*kvctl salvage/,
    });
    deepEqual(readdirSync(folder), ['state']);
  });
}

test('of stores that were set aside the newest one is kept', async () => {
  const folder = folderWith('one');
  await replace(folder, []);
  mkdirSync(join(folder, 'state'));
  writeFileSync(join(folder, 'state', 'two'), '');
  await replace(folder, []);
  deepEqual(readdirSync(folder), ['state.damaged-2']);
  deepEqual(readdirSync(join(folder, 'state.damaged-2')), ['two']);
});
