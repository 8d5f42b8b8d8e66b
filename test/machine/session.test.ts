/** Exactly once, one sentence of the README at a time. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { SECTION } from '../../src/machine/section.ts';
import { forgetBody } from '../../src/machine/sweep.ts';
import {
  checkVersion,
  clientOf,
  compute,
  EPOCH,
  get,
  MachineRig,
  put,
  START,
  said,
  sayAll,
  WHOLE,
} from './machine-rig.ts';

const { timeoutMillisecondsMax, sessionCommandsMax, sessionBytesMax, commandsMax } = MACHINE_LIMITS;

function twice(rig: MachineRig, batch: Uint8Array): void {
  const first = rig.apply({ type: 'batch', batch });
  deepEqual(rig.apply({ type: 'batch', batch }), first);
}

test('a command that comes again is answered as the first time, and not done again', () => {
  const rig = new MachineRig();
  twice(rig, rig.batch([[compute('add', 'n', 5n)]]));
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 4, 5');
});

test('a check that failed fails again, though it would hold by now', () => {
  const rig = new MachineRig();
  const batch = rig.batch([[checkVersion('a', 3), put('b', 'x')]]);
  sayAll(rig.apply({ type: 'batch', batch }), ['check 0 met 0']);
  rig.do(put('a', 'y'));
  sayAll(rig.apply({ type: 'batch', batch }), ['check 0 met 0']);
  equal(rig.value('b'), undefined);
});

test('a refusal by the data is remembered as well', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'not a number'));
  const batch = rig.batch([[compute('add', 'a', 1n)]]);
  sayAll(rig.apply({ type: 'batch', batch }), ['refused not-a-number at 0']);
  rig.do({ type: 'delete', key: new TextEncoder().encode('a') });
  sayAll(rig.apply({ type: 'batch', batch }), ['refused not-a-number at 0']);
});

test('replies of every kind are remembered word for word', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  const batch = rig.batch([
    [put('b', 'x')],
    [get('a'), get('none'), compute('max', 'n', -3n), put('c', 'y')],
    [checkVersion('a', 77), put('d', 'z')],
    [{ type: 'delete', key: new TextEncoder().encode('a') }],
    [{ type: 'append', key: Uint8Array.of(7), value: Uint8Array.of(1, 2, 3) }],
    [put('b', 'twice')],
  ]);
  twice(rig, batch);
});

test('two clients with the same sequences do not meet', () => {
  const rig = new MachineRig();
  rig.ask([[compute('add', 'n', 1n)]], { client: 1, first: 0 });
  rig.ask([[compute('add', 'n', 1n)]], { client: 2, first: 0 });
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 4, 2');
});

test('of a batch that comes again in other company only the new commands are done', () => {
  const rig = new MachineRig();
  rig.ask([[compute('add', 'a', 1n)], [compute('add', 'b', 1n)]], { first: 10 });
  const commands = ['z', 'a', 'b', 'c'].map((key) => [compute('add', key, 1n)]);
  const replies = rig.ask(commands, { first: 9 });
  sayAll(replies, ['done at 3, 1', 'done at 2, 1', 'done at 2, 1', 'done at 3, 1']);
});

test('batches that overtake each other are each done once', () => {
  const rig = new MachineRig();
  const batches = [0, 1, 2].map((at) => rig.batch([[compute('add', 'n', 1n)]], { first: at }));
  for (const at of [2, 0, 2, 1, 0, 1, 2]) {
    const batch = batches[at];
    if (batch !== undefined) rig.apply({ type: 'batch', batch });
  }
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 9, 3');
});

test('an acknowledged reply is dropped, and its command refused from then on', () => {
  const rig = new MachineRig();
  const late = rig.batch([[compute('add', 'n', 1n)]], { first: 0 });
  rig.apply({ type: 'batch', batch: late });
  rig.ask([[put('a', 'x')]], { first: 1, acknowledged: 1 });
  equal(rig.session()?.runs.length, 1);
  sayAll(rig.apply({ type: 'batch', batch: late }), ['refused acknowledged at 0']);
});

test('an acknowledgement is never taken back', () => {
  const rig = new MachineRig();
  const early = rig.batch([[compute('add', 'n', 1n)]], { first: 3, acknowledged: 0 });
  rig.ask([[put('a', 'x')]], { first: 9, acknowledged: 9 });
  sayAll(rig.apply({ type: 'batch', batch: early }), ['refused acknowledged at 0']);
  equal(rig.session()?.acknowledgedBelow, 9);
});

test('a run is kept until all of it is acknowledged', () => {
  const rig = new MachineRig();
  const batch = rig.batch([[put('a', 'x')], [put('b', 'x')], [put('c', 'x')]], { first: 0 });
  rig.apply({ type: 'batch', batch });
  rig.ask([[put('d', 'x')]], { first: 3, acknowledged: 2 });
  sayAll(rig.apply({ type: 'batch', batch }), [
    'refused acknowledged at 0',
    'refused acknowledged at 0',
    'done at 2',
  ]);
});

test('a batch past its deadline is refused, and at its deadline it is not', () => {
  const rig = new MachineRig();
  rig.time = START + 100;
  sayAll(rig.ask([[put('a', 'x')]], { deadline: START + 100 }), ['done at 2']);
  const refused = ['refused deadline-passed at 0', 'refused deadline-passed at 0'];
  sayAll(rig.ask([[put('b', 'x')], [put('c', 'x')]], { deadline: START + 99 }), refused);
  equal(rig.value('b'), undefined);
});

test('a deadline further ahead than the longest patience is refused', () => {
  const rig = new MachineRig();
  const furthest = START + timeoutMillisecondsMax;
  sayAll(rig.ask([[put('a', 'x')]], { deadline: furthest }), ['done at 2']);
  sayAll(rig.ask([[put('b', 'x')]], { deadline: furthest + 1 }), ['refused deadline-too-far at 0']);
  equal(rig.session()?.deadlineMax, furthest);
});

test('a refusal by time or epoch is not remembered', () => {
  const rig = new MachineRig();
  const batch = rig.batch([[put('a', 'x')]]);
  sayAll(rig.apply({ type: 'batch', batch }, EPOCH - 1), ['refused wrong-epoch at 0']);
  equal(rig.session(), undefined);
  sayAll(rig.apply({ type: 'batch', batch }), ['done at 3']);
});

test('a client is forgotten once log time is past its greatest deadline, and not before', () => {
  const rig = new MachineRig();
  rig.ask([[put('a', 'x')]], { deadline: START + 500 });
  rig.ask([[put('a', 'y')]], { deadline: START + 100 });
  const forget = () => {
    const body = forgetBody(rig.rows.in(SECTION.sessions), rig.time);
    if (body !== undefined) rig.apply(body);
    return body !== undefined;
  };
  rig.time = START + 500;
  equal(forget(), false);
  rig.apply({ type: 'forget', clients: [clientOf(1)] });
  equal(rig.session()?.deadlineMax, START + 500);
  rig.time = START + 501;
  equal(forget(), true);
  equal(rig.session(), undefined);
});

test('whatever comes of a client that was forgotten is past its deadline', () => {
  const rig = new MachineRig();
  const batch = rig.batch([[compute('add', 'n', 1n)]], { deadline: START + 100 });
  rig.apply({ type: 'batch', batch });
  rig.time = START + 101;
  rig.apply({ type: 'forget', clients: [clientOf(1)] });
  sayAll(rig.apply({ type: 'batch', batch }), ['refused deadline-passed at 0']);
});

test('nothing is remembered beyond the window, and nothing done that cannot be remembered', () => {
  const rig = new MachineRig();
  for (let first = 0; first < sessionCommandsMax; first += commandsMax) {
    const commands = Array.from({ length: commandsMax }, (_, at) => [put(`k${at}`, 'x')]);
    rig.ask(commands, { first });
  }
  const next = { first: sessionCommandsMax };
  sayAll(rig.ask([[put('new', 'x')]], next), ['refused window-full at 0']);
  equal(rig.value('new'), undefined);
  sayAll(rig.ask([[put('k0', 'y')]], { first: 0 }), ['done at 2']);
  const acknowledged = { ...next, acknowledged: commandsMax };
  sayAll(rig.ask([[put('new', 'x')]], acknowledged), ['done at 8']);
});

test('what is read in commands is remembered up to a bound', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x'.repeat(10_000)));
  const count = Math.ceil(sessionBytesMax / 10_000) + 1;
  const commands = Array.from({ length: count }, (_, at) => [get('a'), put(`k${at}`, 'x')]);
  const replies = rig.ask([...commands, [put('last', 'x')]]).map(said);
  equal(replies.filter((reply) => reply.startsWith('done')).length, count - 1);
  equal(replies.at(-2), 'refused result-too-large at 0');
  equal(replies.at(-1), 'done at 3');
});

test('a batch of another epoch is refused on every replica, whoever proposed it', () => {
  const rig = new MachineRig();
  rig.apply({ type: 'adopt', epoch: EPOCH + 1, arc: { from: 0, to: 5 } });
  sayAll(rig.ask([[put('a', 'x')], [put('b', 'x')]]), [
    'refused wrong-epoch at 0',
    'refused wrong-epoch at 0',
  ]);
  sayAll(rig.ask([[put('a', 'x')]], { epoch: EPOCH + 1 }), ['done at 4']);
  sayAll(rig.ask([[put('a', 'x')]], { epoch: EPOCH + 2 }), ['refused wrong-epoch at 0']);
});

test('an epoch is adopted once, and no earlier one after it', () => {
  const rig = new MachineRig();
  const arc = { from: 5, to: 9 };
  rig.apply({ type: 'adopt', epoch: EPOCH, arc });
  deepEqual(rig.machine.affairs, { logTime: START, epoch: EPOCH, arc: WHOLE });
  rig.apply({ type: 'adopt', epoch: EPOCH + 1, arc });
  rig.apply({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  deepEqual(rig.machine.affairs, { logTime: START, epoch: EPOCH + 1, arc });
});
