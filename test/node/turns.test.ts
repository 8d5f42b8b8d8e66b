/** The turns of a node: each one has work, and what one leaves does not wait for a tick. */

import { equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import type { NodeCore } from '../../src/node/node-core.ts';
import { Stage } from '../cluster/stage.ts';

const PUTS = 50;
/** Four turns of the leader, two of each follower, and those of what else happens meanwhile. */
const TURNS_MAX = 9;

test('no turn of a put is without work', () => {
  const stage = new Stage(1, { nodes: 3, shards: 1 });
  stage.put({ count: PUTS, atOnce: 1, value: 'before' });
  let turns = 0;
  watchTurns(stage, {
    onTurn: () => {
      turns += 1;
    },
    // A tick is followed by a turn of its own.
    onTick: () => {
      turns -= 1;
    },
  });
  stage.put({ count: PUTS, atOnce: 1, value: 'then' });
  ok(turns / PUTS <= TURNS_MAX, `${turns / PUTS} turns for each put`);
});

test('a turn that leaves work asks for another one', () => {
  const stage = new Stage(2, { nodes: 3, shards: 4 });
  let left = 0;
  let silent = 0;
  watchTurns(stage, {
    onTurn: (core, isMore) => {
      const { fair, replicas, clients, outbox } = core.state;
      if (!(fair.hasWork || replicas.hasWork || clients.hasWork || outbox.hasWork)) return;
      left += 1;
      if (!isMore) silent += 1;
    },
    onTick: () => {},
  });
  stage.put({ count: 20 * PUTS, atOnce: 100, value: 'many' });
  ok(left > 0, 'some turns leave work');
  equal(silent, 0);
});

test('messages leave before the append, which takes longer', () => {
  const stage = new Stage(3, { nodes: 3, shards: 1 });
  const steps: string[] = [];
  const turns: string[] = [];
  for (const { core } of stage.computers) {
    ok(core !== undefined, 'the node runs');
    const { log, transport } = core.state;
    const { append } = log;
    const { flushPeers } = transport;
    log.append = (records, onDurable) => {
      steps.push('append');
      append.call(log, records, onDurable);
    };
    transport.flushPeers = () => {
      steps.push('messages');
      flushPeers.call(transport);
    };
  }
  watchTurns(stage, {
    onTurn: () => turns.push(steps.splice(0).join(', ')),
    onTick: () => {},
  });
  stage.put({ count: PUTS, atOnce: 1, value: 'one' });
  ok(turns.includes('messages, append'), 'a turn has both');
  ok(!turns.includes('append, messages'), 'never the other way round');
});

interface Watch {
  readonly onTurn: (core: NodeCore, isMore: boolean) => void;
  readonly onTick: () => void;
}

function watchTurns(stage: Stage, { onTurn, onTick }: Watch): void {
  for (const { core } of stage.computers) {
    ok(core !== undefined, 'the node runs');
    const { flush, tick } = core;
    core.flush = (now) => {
      const isMore = flush.call(core, now);
      onTurn(core, isMore);
      return isMore;
    };
    core.tick = (now) => {
      onTick();
      tick.call(core, now);
    };
  }
}
