/** When a life of a node is confirmed. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import type { MemberId, NodeId } from '../../src/base/ids.ts';
import type { ClusterMap } from '../../src/catalog/cluster-map.ts';
import { Confirmation, electoratesIn } from '../../src/node/life-confirmation.ts';
import { LIFE_LIMITS } from '../../src/node/limits.ts';
import type { Log } from '../../src/storage/log/log.ts';

const [ONE, TWO, THREE] = [1 as NodeId, 2 as NodeId, 3 as NodeId];
const SELF = TWO;
const TICK = 20;

function memberOf(node: NodeId): MemberId {
  return (100 + node) as MemberId;
}

/** The voters in the node's log of the catalog. */
function logWith(voters: readonly NodeId[], outgoing: readonly NodeId[] = []): Log {
  const configuration = { voters: voters.map(memberOf), outgoing: outgoing.map(memberOf) };
  return { replica: () => ({ configurations: [{ configuration }] }) } as unknown as Log;
}

function mapOf(nodes: readonly NodeId[], voters: readonly NodeId[] = nodes): ClusterMap {
  const members = nodes.map((node) => ({
    node,
    member: memberOf(node),
    isVoter: voters.includes(node),
  }));
  return { nodes: nodes.map((node) => ({ node })), shards: [{ members }] } as unknown as ClusterMap;
}

const THREE_NODES = mapOf([ONE, TWO, THREE]);

class Life {
  readonly confirmation: Confirmation;
  #now = 0;

  constructor({ isEnquiring = false } = {}) {
    this.confirmation = new Confirmation({ self: SELF, now: 0, isEnquiring });
  }

  pass(milliseconds: number): void {
    for (let left = milliseconds; left > 0; left -= TICK) {
      this.#now += TICK;
      this.confirmation.pass(this.#now);
    }
  }

  isConfirmed(map = THREE_NODES): boolean {
    this.confirmation.look(map);
    return this.confirmation.isConfirmed;
  }
}

test('a node that is alone confirms itself', () => {
  equal(new Life().isConfirmed(mapOf([SELF])), true);
});

test('a node that is alone waits for other addresses, for a while', () => {
  const alone = mapOf([SELF]);
  const asked = new Life({ isEnquiring: true });
  asked.pass(LIFE_LIMITS.enquiryMilliseconds - TICK);
  equal(asked.isConfirmed(alone), false);
  asked.confirmation.heardOut();
  equal(asked.isConfirmed(alone), true);
  const mute = new Life({ isEnquiring: true });
  mute.pass(LIFE_LIMITS.enquiryMilliseconds);
  equal(mute.isConfirmed(alone), true);
  // They named others: those have to confirm it.
  const copy = new Life({ isEnquiring: true });
  copy.confirmation.heardOut();
  equal(copy.isConfirmed(THREE_NODES), false);
  // Others know it, whatever the addresses would answer.
  const known = new Life({ isEnquiring: true });
  known.confirmation.meet(ONE);
  known.confirmation.know(ONE);
  equal(known.isConfirmed(mapOf([ONE, SELF])), true);
});

test('a life is claimed when all others were met, and confirmed when they know it', () => {
  const life = new Life();
  const { confirmation } = life;
  confirmation.meet(ONE);
  deepEqual(confirmation.look(THREE_NODES), []);
  confirmation.meet(THREE);
  deepEqual(confirmation.look(THREE_NODES), [ONE, THREE]);
  equal(life.isConfirmed(), false);
  confirmation.know(ONE);
  equal(life.isConfirmed(), false, 'the other one was met as well');
  confirmation.know(THREE);
  equal(life.isConfirmed(), true);
});

test('unreachable peers are waited for a while, and a majority is needed', () => {
  const life = new Life();
  const { confirmation } = life;
  confirmation.meet(ONE);
  life.pass(LIFE_LIMITS.meetMilliseconds - TICK);
  deepEqual(confirmation.look(THREE_NODES), []);
  life.pass(TICK);
  deepEqual(confirmation.look(THREE_NODES), [ONE]);
  confirmation.know(ONE);
  equal(life.isConfirmed(), true);
  const lonely = new Life();
  lonely.pass(20 * LIFE_LIMITS.meetMilliseconds);
  equal(lonely.isConfirmed(), false);
  // A node that is no voter of the catalog needs a majority of those that are.
  const beside = mapOf([ONE, TWO, THREE], [ONE, THREE]);
  equal(lonely.isConfirmed(beside), false);
  lonely.confirmation.know(ONE);
  equal(lonely.isConfirmed(beside), false);
  lonely.confirmation.know(THREE);
  equal(lonely.isConfirmed(beside), true);
});

test('time in which the node did not run does not count', () => {
  const { confirmation } = new Life();
  confirmation.meet(ONE);
  confirmation.pass(60_000);
  deepEqual(confirmation.look(THREE_NODES), []);
});

test('while a peer hears another life, nothing is claimed', () => {
  const life = new Life();
  const { confirmation } = life;
  confirmation.meet(ONE);
  for (let second = 0; second < 10; second++) {
    confirmation.object(THREE);
    life.pass(500);
    deepEqual(confirmation.look(THREE_NODES), []);
  }
  equal(confirmation.isRefuted, false);
  // The other life ended, and the peer lets this one in.
  confirmation.meet(THREE);
  deepEqual(confirmation.look(THREE_NODES), [ONE, THREE]);
});

test('a life that peers refuse for long because they hear another one is a copy', () => {
  const life = new Life();
  for (let passed = 0; passed < LIFE_LIMITS.copyMilliseconds; passed += 500) {
    equal(life.confirmation.isRefuted, false);
    life.confirmation.object(ONE);
    life.pass(500);
  }
  life.confirmation.object(ONE);
  equal(life.confirmation.isRefuted, true);
});

test('a peer whose disk hangs is not waited for without end', () => {
  const life = new Life();
  life.confirmation.meet(ONE);
  life.confirmation.meet(THREE);
  equal(life.isConfirmed(), false);
  life.confirmation.know(ONE);
  life.pass(LIFE_LIMITS.slowClaimMilliseconds - TICK);
  equal(life.isConfirmed(), false);
  life.pass(TICK);
  equal(life.isConfirmed(), true);
});

test('whichever of the map and the log names more voters of the catalog counts', () => {
  const justGrown = mapOf([ONE, TWO, THREE], [ONE, TWO]);
  deepEqual(electoratesIn(justGrown, logWith([ONE, TWO, THREE])), [
    [ONE, TWO],
    [ONE, TWO, THREE],
    [],
  ]);
  const isConfirmedBy = (map: ClusterMap, log: Log, ...known: NodeId[]) => {
    const { confirmation } = new Life();
    for (const node of known) confirmation.meet(node);
    for (let at = 0; at <= LIFE_LIMITS.meetMilliseconds; at += TICK) confirmation.pass(at);
    for (const node of known) confirmation.know(node);
    confirmation.look(map, electoratesIn(map, log));
    return confirmation.isConfirmed;
  };
  // The map has not heard yet that the catalog grew, and ONE is lost.
  equal(isConfirmedBy(justGrown, logWith([ONE, TWO, THREE]), THREE), true);
  equal(isConfirmedBy(justGrown, logWith([ONE, TWO]), THREE), false);
  equal(isConfirmedBy(THREE_NODES, logWith([TWO])), false, 'its log is behind the map');
  equal(isConfirmedBy(THREE_NODES, logWith([TWO], [ONE, TWO, THREE])), false);
});
