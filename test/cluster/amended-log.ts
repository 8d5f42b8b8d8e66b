/** A log with a write that no life of its node made: the log of a folder with another past. */

import { fail } from 'node:assert/strict';
import type { ShardId } from '../../src/base/ids.ts';
import type { Random } from '../../src/base/random.ts';
import type { Write } from '../../src/raft/ready.ts';
import type { LogOwner, RestoredReplica } from '../../src/storage/log/log.ts';
import { openLog } from '../../src/storage/log/log-boot.ts';
import type { Keyring } from '../../src/storage/sealing/keyring.ts';
import type { MemoryFiles } from '../support/twins/memory-files.ts';
import { SMALL_LOG } from './small-limits.ts';

export type Amend = (found: RestoredReplica) => Write;

interface Place {
  readonly files: MemoryFiles;
  readonly owner: LogOwner;
  readonly random: Random;
  readonly now: () => number;
  readonly keyring: Keyring | undefined;
}

export function amendLog({ owner, ...rest }: Place, shard: ShardId, amend: Amend): void {
  const { cluster, node } = owner;
  const mine = { owner: { cluster, node }, limits: SMALL_LOG, isNew: false };
  openLog({ ...rest, ...mine, onFault: () => fail('the disk is sound') }, (opened) => {
    if (opened.type === 'refused') fail(`the log would not open: ${opened.text}`);
    const { log } = opened;
    const write = amend(log.replica(shard) ?? fail('there is no such log'));
    log.append([{ type: 'write', shard, write }], () => log.close(() => {}));
  });
}
