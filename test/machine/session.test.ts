/** Exactly once, one sentence of the README at a time. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import { forgetBody } from '../../src/machine/garbage.ts';
import { SECTION } from '../../src/machine/section.ts';
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

const { timeoutMillisecondsMax, sessionSlots, slotBytesMax, sweepRowsMax } = MACHINE_LIMITS;

function twice(rig: MachineRig, batch: Uint8Array): void {
  const first = rig.apply({ type: 'batch', batch });
  deepEqual(rig.apply({ type: 'batch', batch }), first);
}

test('a repeated command is answered as the first time, and not executed again', () => {
  const rig = new MachineRig();
  twice(rig, rig.batch([[compute('add', 'n', 5n)]]));
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 4, 5');
});

test('a failed check fails again, though it would hold now', () => {
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

test('replies of every kind are remembered byte for byte', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'one'));
  const batch = rig.batch([
    [put('b', 'x')],
    [get('a'), get('none'), compute('max', 'n', -3n), put('c', 'y')],
    [checkVersion('a', 77), put('d', 'z')],
    [{ type: 'delete', key: new TextEncoder().encode('a') }],
    [
      {
        type: 'append',
        key: Uint8Array.of(7),
        value: Uint8Array.of(1, 2, 3),
        lifeMilliseconds: 0,
      },
    ],
    [put('b', 'twice')],
  ]);
  twice(rig, batch);
});

test('two clients with the same sequences are independent', () => {
  const rig = new MachineRig();
  rig.ask([[compute('add', 'n', 1n)]], { client: 1, sequence: 0 });
  rig.ask([[compute('add', 'n', 1n)]], { client: 2, sequence: 0 });
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 4, 2');
});

test('of a batch that is repeated without some commands the others are done once', () => {
  const rig = new MachineRig();
  const [a, b, c] = [
    [compute('add', 'a', 1n)],
    [compute('add', 'b', 1n)],
    [compute('add', 'c', 1n)],
  ];
  rig.ask([a, [], []], { sequence: 10 });
  sayAll(rig.ask([a, [], c], { sequence: 10 }), [
    'done at 2, 1',
    'refused acknowledged at 0',
    'done at 3, 1',
  ]);
  sayAll(rig.ask([[], b, []], { sequence: 10 }), ['done at 2, 1', 'done at 4, 1', 'done at 3, 1']);
});

test('batches that overtake each other are each executed once', () => {
  const rig = new MachineRig();
  const batches = [0, 1, 2].map((at) => rig.batch([[compute('add', 'n', 1n)]], { sequence: at }));
  for (const at of [2, 0, 2, 1, 0, 1, 2]) {
    const batch = batches[at];
    if (batch !== undefined) rig.apply({ type: 'batch', batch });
  }
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 9, 3');
});

test('a later request of a slot drops the reply to the earlier one, which is refused then', () => {
  const rig = new MachineRig();
  const late = rig.batch([[compute('add', 'n', 1n)], [put('b', 'x')]], { sequence: 3 });
  rig.apply({ type: 'batch', batch: late });
  rig.ask([[put('a', 'x')]], { sequence: 3 + sessionSlots });
  deepEqual(
    rig.slots().map(({ sequence, runs }) => [sequence, runs.length]),
    [[3 + sessionSlots, 1]],
  );
  const refused = 'refused acknowledged at 0';
  sayAll(rig.apply({ type: 'batch', batch: late }), [refused, refused]);
  equal(said(rig.do(compute('add', 'n', 0n))), 'done at 5, 1');
});

test('a request after a later one of its slot is refused, though it was never executed', () => {
  const rig = new MachineRig();
  const early = rig.batch([[compute('add', 'n', 1n)]], { sequence: 3 });
  rig.ask([[put('a', 'x')]], { sequence: 3 + 5 * sessionSlots });
  sayAll(rig.apply({ type: 'batch', batch: early }), ['refused acknowledged at 0']);
  equal(rig.value('n'), undefined);
});

test('a slow request keeps its slot, whatever happens in the others', () => {
  const rig = new MachineRig();
  const slow = rig.batch([[compute('add', 'n', 1n)]], { sequence: 0 });
  rig.apply({ type: 'batch', batch: slow });
  for (let round = 0; round < 9000; round++) {
    const sequence = 1 + round * sessionSlots;
    sayAll(rig.ask([[put('a', 'x')]], { sequence }), [`done at ${rig.index}`]);
  }
  sayAll(rig.apply({ type: 'batch', batch: slow }), ['done at 2, 1']);
  equal(rig.rows.in(SECTION.replies).length, 2);
});

test('an entry writes the slot of its request, and no unchanged row of the client', () => {
  const rig = new MachineRig();
  for (let sequence = 0; sequence < 500; sequence++) rig.ask([[put('a', 'x')]], { sequence });
  const before = rig.rows.in(SECTION.replies);
  const session = rig.rows.get(SECTION.sessions, clientOf(1));
  rig.ask([[put('a', 'x')]], { sequence: 77 + sessionSlots });
  const changed = rig.rows.in(SECTION.replies).filter(({ value }, at) => {
    return Buffer.compare(value, before[at]?.value ?? new Uint8Array()) !== 0;
  });
  equal(changed.length, 1);
  ok((changed[0]?.value.length ?? 0) < 20);
  deepEqual(rig.rows.get(SECTION.sessions, clientOf(1)), session);
});

test('a batch past its deadline is refused, and at its deadline it is not', () => {
  const rig = new MachineRig();
  rig.time = START + 100;
  sayAll(rig.ask([[put('a', 'x')]], { deadline: START + 100 }), ['done at 2']);
  const refused = ['refused deadline-passed at 0', 'refused deadline-passed at 0'];
  sayAll(rig.ask([[put('b', 'x')], [put('c', 'x')]], { deadline: START + 99 }), refused);
  equal(rig.value('b'), undefined);
});

test('a deadline further ahead than the maximum is refused', () => {
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
  rig.ask([[put('a', 'x')]], { deadline: START + 1500 });
  rig.ask([[put('a', 'y')]], { deadline: START + 100 });
  const forget = () => {
    const { body, looked } = forgetBody(rig.rows.in(SECTION.sessions), rig.time);
    equal(looked, 1);
    if (body !== undefined) rig.apply(body);
    return body !== undefined;
  };
  rig.time = START + 2000;
  equal(forget(), false);
  rig.apply({ type: 'forget', clients: [clientOf(1)] });
  equal(rig.session()?.deadlineMax, START + 2000, 'whole seconds');
  equal(rig.slots().length, 2);
  rig.time = START + 2001;
  equal(forget(), true);
  equal(rig.session(), undefined);
  equal(rig.slots().length, 0);
});

test('of a client with many slots some are deleted by each entry, and none before its time', () => {
  const rig = new MachineRig();
  const batch = rig.batch([[compute('add', 'n', 1n)]], { sequence: 5, deadline: START + 1000 });
  rig.apply({ type: 'batch', batch });
  const sequence = 2 * sweepRowsMax + 7;
  rig.ask([[put('a', 'x')]], { sequence, deadline: START + 900 });
  rig.ask([[put('a', 'x')]], { client: 9, sequence: 1, deadline: START + 900 });
  rig.time = START + 1001;
  const clients = [clientOf(1), clientOf(9)];
  rig.apply({ type: 'forget', clients });
  equal(rig.session()?.slots, sequence + 1 - sweepRowsMax);
  sayAll(rig.apply({ type: 'batch', batch }), ['refused deadline-passed at 0']);
  rig.apply({ type: 'forget', clients });
  deepEqual([rig.slots().length, rig.session(9)?.slots], [1, 2]);
  rig.apply({ type: 'forget', clients });
  equal(rig.rows.in(SECTION.replies).length, 0);
  equal(rig.rows.in(SECTION.sessions).length, 0);
});

test('one entry examines as many clients as have room for their slots in it', () => {
  const rig = new MachineRig();
  for (const client of [1, 2, 3]) {
    rig.ask([[put('a', 'x')]], { client, sequence: sweepRowsMax / 2, deadline: START + 1000 });
  }
  const rows = rig.rows.in(SECTION.sessions);
  deepEqual(forgetBody(rows, START + 1000), { body: undefined, looked: 3 });
  const { body, looked } = forgetBody(rows, START + 1001);
  deepEqual([looked, body?.type === 'forget' && body.clients.length], [2, 2]);
});

test('every late copy of a forgotten client is past its deadline', () => {
  const rig = new MachineRig();
  const batch = rig.batch([[compute('add', 'n', 1n)]], { deadline: START + 100 });
  rig.apply({ type: 'batch', batch });
  rig.time = START + 1001;
  rig.apply({ type: 'forget', clients: [clientOf(1)] });
  sayAll(rig.apply({ type: 'batch', batch }), ['refused deadline-passed at 0']);
});

test('the reads of commands are remembered up to a bound', () => {
  const rig = new MachineRig();
  rig.do(put('a', 'x'.repeat(10_000)));
  const count = Math.ceil(slotBytesMax / 10_000) + 1;
  const commands = Array.from({ length: count }, (_, at) => [get('a'), put(`k${at}`, 'x')]);
  const replies = rig.ask([...commands, [put('last', 'x')]]).map(said);
  equal(replies.filter((reply) => reply.startsWith('done')).length, count - 1);
  equal(replies.at(-2), 'refused result-too-large at 0');
  equal(replies.at(-1), 'done at 3');
});

test('a batch of another epoch is refused on every replica, whichever node proposed it', () => {
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
  const rest = { logTime: START, leaseTime: 3000, recordUntil: 0 };
  deepEqual(rig.machine.metadata, { ...rest, epoch: EPOCH, arc: WHOLE });
  rig.apply({ type: 'adopt', epoch: EPOCH + 1, arc });
  rig.apply({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  deepEqual(rig.machine.metadata, { ...rest, epoch: EPOCH + 1, arc });
});
