/** What a node remembers of the lives of others. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeId } from '../../src/base/ids.ts';
import type { Life } from '../../src/base/life.ts';
import type { ClusterMap, NodeRow } from '../../src/catalog/cluster-map.ts';
import { PeerLives } from '../../src/node/peer-lives.ts';
import type { LogRecord } from '../../src/storage/log/log.ts';

const TWO = 2 as NodeId;

function rowOf(life: Life, token = 'two'): NodeRow {
  const row = { node: TWO, incarnation: life.incarnation, life: life.word };
  return { ...row, tokenDigest: new TextEncoder().encode(token) } as unknown as NodeRow;
}

const UNKNOWN = rowOf({ incarnation: 0, word: 0 });

function mapOf(...nodes: readonly NodeRow[]): ClusterMap {
  return { nodes } as unknown as ClusterMap;
}

class Rig {
  readonly told: number[] = [];
  readonly lives = new Map<NodeId, Life>();
  readonly peers: PeerLives;
  changes = 0;
  #pending: (() => void)[] = [];

  constructor(lives: readonly (readonly [NodeId, Life])[] = []) {
    for (const [node, life] of lives) this.lives.set(node, life);
    const append = (records: readonly LogRecord[], onDurable: () => void) => {
      for (const record of records) {
        if (record.type === 'life') this.lives.set(record.node, record);
        if (record.type === 'forget-node') this.lives.delete(record.node);
      }
      this.#pending.push(onDurable);
    };
    this.peers = new PeerLives({
      log: { lives: this.lives, append },
      tell: (_, message) => {
        if (message.type === 'known') this.told.push(message.word);
      },
      onLife: () => {
        this.changes += 1;
      },
    });
  }

  sync(): void {
    for (const report of this.#pending.splice(0)) report();
  }
}

test('a life is known to its node only once it is on disk', () => {
  const rig = new Rig();
  rig.peers.meet(TWO, { incarnation: 1, words: [11] });
  rig.peers.claim(UNKNOWN, 11);
  rig.peers.claim(UNKNOWN, 11);
  deepEqual(rig.told, []);
  rig.sync();
  deepEqual([rig.told, rig.changes], [[11], 1]);
  rig.peers.claim(UNKNOWN, 11);
  deepEqual(rig.told, [11, 11], 'and said again as often as it is asked');
});

test('a claimed life is that of the hello, and follows the known ones', () => {
  const rig = new Rig([[TWO, { incarnation: 2, word: 12 }]]);
  rig.peers.claim(UNKNOWN, 13);
  rig.peers.meet(TWO, { incarnation: 3, words: [11, 12, 13] });
  rig.peers.claim(UNKNOWN, 12);
  rig.peers.claim(rowOf({ incarnation: 4, word: 99 }), 13);
  rig.peers.lose(TWO);
  rig.peers.claim(UNKNOWN, 13);
  rig.sync();
  deepEqual([rig.told, rig.lives.get(TWO)?.word], [[], 12]);
});

test('a life has to follow what is on disk and what the map shows, the newest last', () => {
  const recorded = { incarnation: 5, word: 15 };
  const rig = new Rig([[TWO, recorded]]);
  deepEqual(rig.peers.of(UNKNOWN), [recorded]);
  deepEqual(rig.peers.of(rowOf(recorded)), [recorded]);
  const [older, newer] = [
    { incarnation: 4, word: 14 },
    { incarnation: 6, word: 16 },
  ];
  deepEqual(rig.peers.of(rowOf(older)), [older, recorded]);
  deepEqual(rig.peers.of(rowOf(newer)), [recorded, newer]);
});

test('a number that is assigned to another folder starts without lives', () => {
  const row = rowOf({ incarnation: 5, word: 15 });
  for (const after of [mapOf(), mapOf(rowOf({ incarnation: 0, word: 0 }, 'another'))]) {
    const rig = new Rig([[TWO, { incarnation: 5, word: 15 }]]);
    rig.peers.forgetThoseNotIn(mapOf(row), mapOf(row));
    deepEqual(rig.lives.size, 1);
    rig.peers.forgetThoseNotIn(after, mapOf(row));
    deepEqual(rig.lives.size, 0);
  }
});

test('of its own lives a node keeps the one that the map showed', () => {
  const rig = new Rig();
  rig.peers.keepOwn(TWO, { incarnation: 2, words: [11, 12] });
  rig.peers.keepOwn(TWO, { incarnation: 2, words: [11, 12] });
  rig.sync();
  deepEqual([rig.lives.get(TWO)?.word, rig.told], [12, []]);
});
