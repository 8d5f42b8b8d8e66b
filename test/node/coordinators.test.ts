/** What the leader of a home shard does with transactions: it runs, ends and broadcasts them. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { bytesOf, checkVersion, get, put } from '../machine/machine-rig.ts';
import { EPOCH, HomeRig, told, wish } from './coordinators-rig.ts';

test('a transaction is answered when its decision is applied, and broadcast after that', () => {
  const home = new HomeRig();
  const responses = home.conduct(home.plan());
  deepEqual(home.asked.map(wish), ['prepare in epoch 6']);
  home.ready();
  home.coordinators.flush();
  deepEqual([responses, home.asked], [[], []], 'proposed is not decided');
  home.turn();
  deepEqual(told(responses), [`committed at ${home.rig.replica.applied} 12`]);
  deepEqual(home.asked.map(wish), ['committed']);
});

test('a decision is kept until the other shard has acknowledged, and cleared soon after', () => {
  const home = new HomeRig();
  const { transaction, plan } = home.plan();
  home.conduct({ transaction, plan });
  home.ready();
  home.turn();
  equal(home.coordinators.waitsFor(plan.contender.id), 1);
  home.pass(1000);
  equal(home.machine.decisions.size, 1);
  home.next().responder.respond({ type: 'written', id: 1, time: 1, replies: [] });
  equal(home.machine.decisions.size, 1);
  home.pass(TRANSACTION_LIMITS.clearMilliseconds);
  equal(home.machine.decisions.size, 0);
  equal(home.coordinators.waitsFor(plan.contender.id), undefined);
});

test('a transaction that is requested twice runs once, and both requesters get its outcome', () => {
  const home = new HomeRig();
  const planned = home.plan();
  const responses = [home.conduct(planned), home.conduct(planned)] as const;
  equal(home.coordinators.conducted, 1);
  equal(home.asked.length, 1);
  home.ready();
  home.turn();
  deepEqual(told(responses[0]), told(responses[1]));
  equal(told(responses[0]).length, 1);
  equal(home.coordinators.conducted, 0);
});

test('a repeated request gets the first outcome, with its outputs', () => {
  const home = new HomeRig();
  const planned = home.plan({ here: [put('here', '1'), get('here')] });
  const first = home.conduct(planned);
  home.ready();
  home.turn();
  home.newTerm();
  home.asked.length = 0;
  const second = home.conduct(planned);
  home.answer({ type: 'refused', reason: 'aborted', position: 0 });
  home.turn();
  deepEqual(told(second), told(first));
});

test('the home shard does its part in the epoch of the client and not in that of the map', () => {
  const home = new HomeRig();
  const current = home.conduct(home.plan());
  home.ready();
  home.turn();
  equal(told(current)[0]?.split(' ')[0], 'committed');
  home.asked.length = 0;
  const old = home.conduct(home.plan({ client: 2, epoch: EPOCH - 1, here: [put('else', '1')] }));
  home.ready();
  home.turn();
  deepEqual(told(old), ['refused wrong-epoch at 0']);
});

test('a validation has the transaction as its owner, and follows its locks', () => {
  const home = new HomeRig();
  const check = { type: 'check-version', key: bytesOf('there'), version: 3 } as const;
  const responses = home.conduct(home.plan({ there: [check] }));
  deepEqual(home.asked, []);
  home.turn();
  equal(home.machine.lockTable.holderOf(bytesOf('here'))?.age, 5);
  deepEqual(home.asked.map(wish), ['validate for 5']);
  home.answer({ type: 'check-failed', position: 0, version: 4 });
  home.turn();
  deepEqual(told(responses), ['check 1 met 4']);
  equal(home.machine.lockTable.size, 0);
});

test('a question about a running transaction is answered at its end', () => {
  const home = new HomeRig();
  const planned = home.plan();
  home.conduct(planned);
  const asking = home.settle(planned.plan);
  home.turn();
  deepEqual(asking, [], 'a running transaction is not ended');
  home.ready();
  home.turn();
  equal(told(asking)[0]?.split(' ')[0], 'committed');
});

test('a preempted transaction aborts, and both requesters get the outcome', () => {
  const home = new HomeRig();
  const planned = home.plan();
  const responses = home.conduct(planned);
  const asking = home.settle(planned.plan, true);
  home.turn();
  deepEqual(told(responses), ['refused aborted at 0']);
  deepEqual(told(asking), ['refused aborted at 0']);
  home.ready();
  home.turn();
  deepEqual(home.asked.map(wish), ['aborted']);
});

test('a kept decision answers every request at once', () => {
  const home = new HomeRig();
  const planned = home.plan();
  home.conduct(planned);
  home.ready();
  home.turn();
  const { applied } = home.rig.replica;
  equal(told(home.settle(planned.plan, true))[0]?.split(' ')[0], 'committed');
  home.turn();
  equal(home.rig.replica.applied, applied, 'it cost no entry');
});

test('the first question about a transaction without a coordinator aborts it', () => {
  const home = new HomeRig();
  const planned = home.plan();
  const asking = home.settle(planned.plan);
  deepEqual(asking, [], 'it takes an entry');
  home.turn();
  deepEqual(told(asking), ['refused aborted at 0']);
  deepEqual(home.asked.map(wish), ['aborted'], 'the others are told as well');
  home.asked.length = 0;
  const late = home.conduct(planned);
  home.ready();
  home.turn();
  deepEqual(told(late), ['refused aborted at 0']);
  equal(home.machine.lockTable.size, 0);
});

test('a question with another deadline ends nothing for others', () => {
  const home = new HomeRig();
  const { transaction, plan } = home.plan();
  const participants = plan.participants.map(({ position }) => ({ position, deadline: 1 }));
  const asking = home.settle({ ...plan, participants });
  const responses = home.conduct({ transaction, plan });
  home.ready();
  home.turn();
  deepEqual(told(asking), ['refused deadline-passed at 0']);
  equal(told(responses)[0]?.split(' ')[0], 'committed');
  deepEqual(home.asked.map(wish), ['committed']);
});

test('a question to a shard that is not the home is refused, and prepared parts stay', () => {
  const home = new HomeRig();
  const { plan } = home.plan();
  const [here, there] = plan.participants;
  ok(here && there);
  const { contender } = plan;
  const elsewhere = { ...contender, id: { ...contender.id, home: there.position } };
  const asked = [
    home.settle({ ...plan, contender: elsewhere, participants: [there, here] }),
    home.settle({ ...plan, participants: [there, here] }),
    home.settle({ ...plan, participants: [] }),
  ];
  const { applied } = home.rig.replica;
  home.turn();
  deepEqual(asked.map(told), [['malformed'], ['malformed'], ['malformed']]);
  equal(home.rig.replica.applied, applied);
});

test('with the loss of leadership all requesters get the answer `lost`', () => {
  const home = new HomeRig();
  const planned = home.plan();
  const responses = home.conduct(planned);
  const asking = home.settle(planned.plan);
  home.coordinators.close();
  deepEqual([told(responses), told(asking)], [['lost'], ['lost']]);
  home.ready();
  home.turn();
  equal(home.machine.decisions.size, 0, 'it proposes nothing any more');
});

test('the next leader broadcasts the decisions that it finds, each once', () => {
  const home = new HomeRig();
  home.conduct(home.plan());
  home.ready();
  home.turn();
  home.newTerm();
  home.asked.length = 0;
  home.pass(0);
  deepEqual(home.asked.map(wish), ['committed']);
  home.pass(TRANSACTION_LIMITS.sweepMilliseconds);
  equal(home.asked.length, 1);
});

test('a refusal by a node ends the transaction, and the others are told at once', () => {
  const home = new HomeRig();
  const responses = home.conduct(home.plan());
  home.refuse('read-only');
  home.turn();
  deepEqual(told(responses), ['read-only']);
  deepEqual(home.asked.map(wish), ['aborted']);
});

test('a temporary failure is no refusal: the request is repeated', () => {
  const home = new HomeRig();
  const responses = home.conduct(home.plan());
  for (const failure of ['not-leader', 'lost', 'overloaded', 'not-here'] as const) {
    home.refuse(failure);
    home.pass(TRANSACTION_LIMITS.restMilliseconds);
    equal(home.asked.length, 1, failure);
  }
  home.ready();
  home.turn();
  equal(told(responses)[0]?.split(' ')[0], 'committed');
});

test('a repeated request is encoded again: it takes no memory while it waits', () => {
  const home = new HomeRig();
  home.conduct(home.plan());
  const bytes = () => {
    const { request } = home.asked[0] ?? {};
    return request?.type === 'step' ? request.bytes : undefined;
  };
  const first = bytes();
  home.refuse('lost');
  home.pass(TRANSACTION_LIMITS.restMilliseconds);
  deepEqual(bytes(), first);
  equal(bytes() === first, false);
});

test('a transaction of the home shard alone is not broadcast', () => {
  const home = new HomeRig();
  const responses = home.conduct(home.plan({ there: [] }));
  home.turn();
  equal(told(responses)[0]?.split(' ')[0], 'committed');
  home.pass(TRANSACTION_LIMITS.sweepMilliseconds);
  deepEqual([home.asked, home.machine.decisions.size], [[], 0]);
});

test('resolutions of several transactions go to a shard in one message', () => {
  const home = new HomeRig();
  home.conduct(home.plan({ client: 1 }));
  home.conduct(home.plan({ client: 2, here: [put('else', '1')] }));
  home.ready();
  home.ready();
  home.rig.turns(4);
  home.coordinators.flush();
  deepEqual(home.asked.map(wish), ['committed committed']);
});

test('operators see the stage of a transaction', () => {
  const home = new HomeRig();
  const { transaction, plan } = home.plan();
  home.conduct({ transaction, plan });
  equal(home.coordinators.stageOf(plan.contender.id), 'preparing');
  home.ready();
  equal(home.coordinators.stageOf(plan.contender.id), 'deciding');
  home.turn();
  equal(home.coordinators.stageOf(plan.contender.id), undefined);
});

test('of two transactions that read the same version one begins, and the other is refused', () => {
  const home = new HomeRig();
  const here = [checkVersion('here', 0), put('here', '1')];
  const [first, second] = [2, 1].map((client) => home.plan({ client, here }));
  ok(first && second);
  const responses = [home.conduct(first), home.conduct(second)] as const;
  deepEqual(home.asked.map(wish), ['prepare in epoch 6']);
  equal(home.coordinators.stageOf(second.plan.contender.id), 'waiting');
  home.ready();
  home.turn();
  home.turn();
  const version = home.rig.replica.applied - 1;
  deepEqual(told(responses[0]), [`committed at ${version} 12`]);
  deepEqual(told(responses[1]), [`check 0 met ${version}`]);
  deepEqual(home.asked.map(wish), ['committed'], 'the other one is not broadcast');
  equal(home.machine.decisions.size, 1);
  equal(home.coordinators.conducted, 0);
  home.newTerm();
  const again = home.conduct(second);
  home.turn();
  deepEqual(told(again), told(responses[1]), 'it was decided, for ever');
});

test('a repeated request gets the commit, though its check would fail now', () => {
  const home = new HomeRig();
  const planned = home.plan({ here: [checkVersion('here', 0), put('here', '1')] });
  const first = home.conduct(planned);
  home.ready();
  home.turn();
  home.newTerm();
  home.asked.length = 0;
  const second = home.conduct(planned);
  home.turn();
  deepEqual(told(second), told(first));
  ok(home.asked.every((asked) => wish(asked) === 'committed'));
});

test('a leader that is not current yet prechecks nothing', () => {
  const ignorance = { isCurrent: false, hasUnapplied: true };
  for (const [name, value] of Object.entries(ignorance)) {
    const home = new HomeRig();
    const planned = home.plan({ here: [checkVersion('here', 5), put('here', '1')] });
    Object.defineProperty(home.rig.replica, name, { value });
    home.conduct(planned);
    deepEqual(home.asked.map(wish), ['prepare in epoch 6'], name);
  }
});

test('a leader prechecks no keys of another arc: the client has to retry', () => {
  const home = new HomeRig();
  const here = [checkVersion('here', 5), put('here', '1')];
  const responses = home.conduct(home.plan({ here, epoch: EPOCH - 1 }));
  deepEqual(home.asked.map(wish), ['prepare in epoch 6']);
  home.ready();
  home.turn();
  home.turn();
  deepEqual(told(responses), ['refused wrong-epoch at 0']);
});

test('a transaction whose deadline has passed in the queue asks no participant', () => {
  const home = new HomeRig();
  const here = [checkVersion('here', 0), put('here', '1')];
  const first = home.plan({ here, client: 2 });
  const late = home.plan({ here, client: 1 });
  home.conduct(first);
  const responses = home.conduct(late);
  home.answer({ type: 'refused', reason: 'window-full', position: 0 });
  home.rig.now += 60_000;
  home.turn();
  home.turn();
  home.turn();
  deepEqual(told(responses), ['refused deadline-passed at 0']);
  deepEqual(home.asked.map(wish), ['aborted'], 'of the first one');
});

test('a request that met locks of a former coordinator does not wait for the queue', () => {
  const home = new HomeRig();
  const here = [checkVersion('here', 0), put('here', '1')];
  const [first, second] = [2, 1].map((client) => home.plan({ client, here }));
  ok(first && second);
  home.conduct(first);
  const responses = [home.conduct(second), home.settle(second.plan)];
  home.turn();
  deepEqual(responses.map(told), [['refused aborted at 0'], ['refused aborted at 0']]);
  home.ready();
  home.turn();
  equal(home.asked.map(wish).includes('committed'), true, 'the first one went on');
});

test('a decided transaction does not wait', () => {
  const home = new HomeRig();
  const here = [checkVersion('here', 0), put('here', '1')];
  const decided = home.plan({ client: 2, here });
  const first = home.conduct(decided);
  home.ready();
  home.turn();
  home.newTerm();
  const version = home.rig.replica.applied;
  home.conduct(home.plan({ client: 1, here: [checkVersion('here', version), put('here', '2')] }));
  const again = home.conduct(decided);
  const asked = home.settle(decided.plan);
  home.turn();
  deepEqual(told(again), told(first));
  deepEqual(told(asked), ['committed at ']);
});

test('after leadership is lost no queued transaction is started', () => {
  const home = new HomeRig();
  const here = [checkVersion('here', 0), put('here', '1')];
  const responses = [2, 1].map((client) => home.conduct(home.plan({ client, here })));
  home.coordinators.close();
  deepEqual(responses.map(told), [['lost'], ['lost']]);
  equal(home.asked.length, 1);
});
