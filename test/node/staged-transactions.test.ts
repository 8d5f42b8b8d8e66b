/** What the leader of a home shard tells of a staged transaction, to whom, and when. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, checkVersion, put } from '../machine/machine-rig.ts';
import { HomeRig, told, wish } from './coordinators-rig.ts';

function stagingRig(): HomeRig {
  const home = new HomeRig();
  home.mayStage = true;
  return home;
}

function isCommitted(responses: readonly Response[]): boolean {
  return told(responses)[0]?.split(' ')[0] === 'committed';
}

test('a client is answered when all parts are ready, and the shards when that is recorded', () => {
  const home = stagingRig();
  const planned = home.plan();
  const responses = home.conduct(planned);
  deepEqual(home.asked.map(wish), ['prepare in epoch 6'], 'while the home shard stages');
  home.turn();
  equal(home.machine.lockTable.of(planned.plan.contender.id)?.isStaged, true);
  const asking = home.settle(planned.plan);
  home.ready();
  equal(isCommitted(responses), true);
  home.coordinators.flush();
  deepEqual([asking, home.asked, home.machine.decisions.size], [[], [], 0], 'nothing is recorded');
  home.turn();
  equal(isCommitted(asking), true);
  deepEqual(told(responses).length, 1);
  deepEqual(home.asked.map(wish), ['committed']);
  equal(home.machine.lockTable.size, 0);
});

test('a client that asks again before the commit is recorded is answered at once', () => {
  const home = stagingRig();
  const planned = home.plan();
  home.conduct(planned);
  home.turn();
  home.ready();
  equal(isCommitted(home.conduct(planned)), true);
});

/** The turns that follow, without the time that deferred entries wait for. */
function turnSoon(home: HomeRig): void {
  home.rig.turns(4);
  home.coordinators.flush();
}

/** All parts are ready and the client is answered. */
function committedRig(how: (home: HomeRig) => void = () => {}) {
  const home = stagingRig();
  how(home);
  const planned = home.plan();
  const responses = home.conduct(planned);
  home.turn();
  home.ready();
  turnSoon(home);
  equal(isCommitted(responses), true);
  const isRecorded = () => home.machine.decisions.size > 0;
  return { home, planned, isRecorded };
}

test('a commit that no request waits for is recorded later', () => {
  const { home, isRecorded } = committedRig();
  deepEqual([isRecorded(), home.machine.lockTable.size], [false, 1]);
  home.turn();
  deepEqual([isRecorded(), home.machine.lockTable.size], [true, 0]);
});

test('it is recorded at once for a shard that asks', () => {
  const { home, planned, isRecorded } = committedRig();
  const asking = home.settle(planned.plan);
  turnSoon(home);
  deepEqual([isRecorded(), isCommitted(asking)], [true, true]);
});

test('it is recorded at once if a shard has asked before all parts were ready', () => {
  const home = stagingRig();
  const planned = home.plan();
  home.conduct(planned);
  home.turn();
  const asking = home.settle(planned.plan);
  home.ready();
  turnSoon(home);
  equal(isCommitted(asking), true);
});

test('a part that was asked for lately is probably asked for again', () => {
  const { home, planned } = committedRig();
  home.settle(planned.plan);
  home.turn();
  home.asked.length = 0;
  const again = { ...planned.plan, contender: contenderAfter(planned.plan.contender) };
  home.conduct({ ...planned, plan: again });
  home.turn();
  home.ready();
  turnSoon(home);
  equal(home.machine.lockTable.size, 0);
});

/** Only one of the transactions that check and write this key can commit. */
const CONTESTED = [checkVersion('here', 0), put('here', '1')];

test('it is recorded at once for a transaction that queues for its key, before or after', () => {
  const home = stagingRig();
  const first = home.conduct(home.plan({ here: CONTESTED }));
  home.turn();
  home.conduct(home.plan({ here: CONTESTED, client: 4 }));
  home.ready();
  turnSoon(home);
  deepEqual([isCommitted(first), home.machine.decisions.size], [true, 1]);
  const other = stagingRig();
  other.conduct(other.plan({ here: CONTESTED }));
  other.turn();
  other.ready();
  turnSoon(other);
  equal(other.machine.decisions.size, 0);
  other.conduct(other.plan({ here: CONTESTED, client: 4 }));
  turnSoon(other);
  equal(other.machine.decisions.size, 1);
});

test('a large transaction is recorded at once', () => {
  const { isRecorded } = committedRig((home) => {
    home.bytes = TRANSACTION_LIMITS.deferredBytesMax + 1;
  });
  equal(isRecorded(), true);
});

test('a node that is closing defers nothing', () => {
  const { isRecorded } = committedRig((home) => {
    home.isClosing = true;
  });
  equal(isRecorded(), true);
});

function contenderAfter(contender: Contender): Contender {
  return { ...contender, id: { ...contender.id, sequence: contender.id.sequence + 1 } };
}

test('a new leader asks all parts, and commits what is ready everywhere', () => {
  const home = stagingRig();
  const planned = home.plan();
  const lost = home.conduct(planned);
  home.turn();
  home.coordinators.close();
  deepEqual(told(lost), ['lost']);
  home.newTerm();
  home.asked.length = 0;
  const asking = [home.settle(planned.plan), home.settle(planned.plan, true)];
  home.turn();
  deepEqual([home.asked.map(wish), asking], [['prevent'], [[], []]]);
  home.ready();
  home.turn();
  deepEqual(asking.map(isCommitted), [true, true]);
  const retried = home.conduct(planned);
  home.turn();
  home.asked.shift();
  equal(home.machine.lockTable.holderOf(bytesOf('here')), undefined);
  home.answer({ type: 'refused', reason: 'aborted', position: 0 });
  home.turn();
  equal(isCommitted(retried), true, 'the first outcome');
});

test('of many questions that wait for its end the oldest is asked again later', () => {
  const home = stagingRig();
  const planned = home.plan();
  home.conduct(planned);
  home.turn();
  const { settlingMax } = TRANSACTION_LIMITS;
  const asking = Array.from({ length: settlingMax + 1 }, () => home.settle(planned.plan));
  deepEqual([told(asking[0] ?? []), asking[1]], [['lost'], []]);
  home.ready();
  home.turn();
  equal(asking.slice(1).every(isCommitted), true);
});

test('participants that were slow before are waited for longer', () => {
  const home = stagingRig();
  home.conduct(home.plan());
  home.turn();
  const usual = home.stepTimes.prepareMilliseconds;
  home.rig.now += usual;
  home.ready();
  equal(home.stepTimes.prepareMilliseconds, 3 * usual);
});

test('a new leader aborts what can never become ready', () => {
  const home = stagingRig();
  const planned = home.plan({ here: [put('here', '1')] });
  home.conduct(planned);
  home.turn();
  home.coordinators.close();
  home.newTerm();
  home.asked.length = 0;
  const asking = home.settle(planned.plan);
  home.turn();
  home.answer({ type: 'refused', reason: 'aborted', position: 0 });
  home.turn();
  deepEqual(told(asking), ['refused aborted at 0']);
  deepEqual([home.machine.lockTable.size, home.machine.decisions.size], [0, 1]);
});

test('a question that comes before the staged part is applied begins the recovery, too', () => {
  const home = stagingRig();
  const planned = home.plan();
  home.conduct(planned);
  home.coordinators.close();
  home.newTerm();
  home.asked.length = 0;
  // The staged part stands before the abort in the log.
  const asking = home.settle(planned.plan);
  home.turn();
  home.turn();
  deepEqual([home.asked.map(wish), asking], [['prevent'], []]);
  home.ready();
  home.turn();
  equal(isCommitted(asking), true);
});
