/** A process that applies numbered entries and writes checkpoints until it is killed. */

import type { ShardId } from '../../src/base/ids.ts';
import { NO_CONFIGURATION } from '../../src/raft/configuration.ts';
import { openLevelState } from '../../src/storage/state/level-state.ts';
import { StateStore } from '../../src/storage/state/state-store.ts';
import { entryWrites, SHARDS } from '../storage/state-entries.ts';

const ENTRIES_A_TURN = 3;
/** Short enough that some kills hit a checkpoint, an install or a clearing in any phase. */
const CHECKPOINT_TURNS = 7;

const folder = process.argv[2] ?? '';
const disk = await openLevelState({
  folder,
  onFault: (cause) => {
    throw cause;
  },
  onDamage: (damage) => {
    throw damage;
  },
});
const store = new StateStore({
  disk,
  identity: Uint8Array.of(1, 2, 3),
  durableIndex: () => Number.POSITIVE_INFINITY,
  onProgress: () => {},
  onBatch: ({ written }) => {
    // The parent checks what is printed here.
    const indexes = written.map(({ shard, description }) => `${shard}:${description.index}`);
    process.stdout.write(`${indexes.join(' ')}\n`);
  },
  onDamage: (damage) => {
    throw damage;
  },
});
for (const shard of SHARDS) {
  if (!store.shards.includes(shard)) store.create(shard, NO_CONFIGURATION);
}

let turn = 0;
let isSwitching = false;

function applyTo(shard: ShardId): void {
  for (let entry = 0; entry < ENTRIES_A_TURN && store.hasRoom; entry++) {
    const index = store.description(shard).index + 1;
    const writes = entryWrites(shard, index);
    store.apply(shard, { position: { index, term: 1 }, configuration: undefined, writes });
  }
}

/** Each shard sends its newest snapshot to itself, and so changes its generation. */
function reinstall(shard: ShardId): void {
  const reader = store.snapshots(shard);
  const description = reader.open(0);
  if (description === undefined || description === 'later') return;
  const install = store.install(shard, description);
  isSwitching = true;
  const goOn = () => {
    const request = { index: description.index, offset: install.offset, bytesMax: 50_000 };
    const piece = install.status === 'coming' ? reader.read(request) : 'later';
    if (typeof piece === 'object') install.take(piece.data);
    if (install.status === 'sound') {
      store.switchTo(install, () => {
        isSwitching = false;
      });
    } else if (piece === 'gone' || install.status === 'unsound') {
      store.giveUp(install);
      isSwitching = false;
    } else setImmediate(goOn);
  };
  goOn();
}

function step(): void {
  turn += 1;
  if (!isSwitching) for (const shard of SHARDS) applyTo(shard);
  if (turn % CHECKPOINT_TURNS === 0) store.checkpoint();
  const shard = SHARDS[turn % SHARDS.length];
  if (turn % 20 === 0 && !isSwitching && shard !== undefined) reinstall(shard);
  while (store.work(turn) === 'again');
  setImmediate(step);
}

step();
