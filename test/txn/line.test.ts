/** Who goes when several want the same key, and who is let go when it can't be had any more. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { contestedKeys, type InLine, Line } from '../../src/txn/line.ts';
import { append, checkVersion, get, put } from '../machine/machine-rig.ts';
import { contenderOf } from './spelling.ts';

const { lineMax, lineReturnTicks } = TRANSACTION_LIMITS;

class Rig {
  readonly line = new Line();
  /** Who began since the last look. */
  #begun: string[] = [];

  /** Named by its age. It is over when it says so. */
  enter(age: number, keys: readonly string[] = ['x']): InLine & { hasHope: boolean } {
    const one = {
      contender: contenderOf(1, age),
      keys,
      hasHope: true,
      isHopeless: () => !one.hasHope,
      begin: () => void this.#begun.push(`${age}${one.hasHope ? '' : ' in vain'}`),
    };
    this.line.enter(one);
    return one;
  }

  get begun(): readonly string[] {
    const begun = this.#begun;
    this.#begun = [];
    return begun;
  }
}

test('of those that want the same key one is on its way, and the eldest is next', () => {
  const rig = new Rig();
  const first = rig.enter(5);
  const [last, second] = [rig.enter(9), rig.enter(2)];
  rig.enter(7, ['y']);
  rig.enter(8, []);
  deepEqual(rig.begun, ['5', '7', '8'], 'whoever wants nothing of it does not wait');
  rig.line.leave(first);
  deepEqual(rig.begun, ['2']);
  rig.line.leave(second);
  deepEqual(rig.begun, ['9']);
  rig.line.leave(last);
  rig.enter(1);
  deepEqual(rig.begun, ['1']);
});

test('whoever wants several keys waits for each of them', () => {
  const rig = new Rig();
  const [x, y] = [rig.enter(1, ['x']), rig.enter(2, ['y'])];
  const both = rig.enter(3, ['x', 'y']);
  rig.enter(4, ['x']);
  deepEqual(rig.begun, ['1', '2']);
  rig.line.leave(x);
  deepEqual(rig.begun, ['4'], 'the elder one waits at the other key now, and holds nothing');
  rig.line.leave(y);
  equal(rig.line.waiting, 1);
  deepEqual(rig.begun, [], 'it waits at the first key again');
  rig.line.leave(both);
  equal(rig.line.waiting, 0, 'ended where it waits');
  rig.enter(6, ['y']);
  deepEqual(rig.begun, ['6'], 'it took nothing with it');
});

test('what has become hopeless is let go one by one, and is next when it is back', () => {
  const rig = new Rig();
  const head = rig.enter(3);
  const crowd = [4, 5, 6].map((age) => rig.enter(age));
  for (const one of crowd) one.hasHope = false;
  deepEqual(rig.begun, ['3']);
  rig.line.leave(head);
  deepEqual(rig.begun, ['4 in vain']);
  rig.enter(7);
  deepEqual(rig.begun, [], 'whoever is younger lets it come back');
  const elder = rig.enter(2);
  deepEqual(rig.begun, ['2'], 'whoever is elder does not');
  rig.line.leave(elder);
  deepEqual(rig.begun, ['5 in vain'], 'there are two to wait for now');
  const back = rig.enter(4);
  deepEqual(rig.begun, ['4']);
  rig.line.leave(back);
  deepEqual(rig.begun, ['6 in vain']);
  rig.line.leave(rig.enter(5));
  rig.line.leave(rig.enter(6));
  deepEqual(rig.begun, ['5', '6', '7']);
  equal(rig.line.waiting, 0);
});

test('who does not come back is waited for some ticks long, and hopes of others go on', () => {
  const rig = new Rig();
  const head = rig.enter(1);
  const crowd = [2, 3].map((age) => rig.enter(age));
  for (const one of crowd) one.hasHope = false;
  rig.enter(4);
  rig.line.leave(head);
  deepEqual(rig.begun, ['1', '2 in vain']);
  rig.line.tick();
  deepEqual(rig.begun, ['3 in vain'], 'nobody is on its way, so the next may come back as well');
  for (let tick = 1; tick < lineReturnTicks; tick++) rig.line.tick();
  deepEqual(rig.begun, [], 'one of them still may');
  rig.line.tick();
  deepEqual(rig.begun, ['4']);
});

test('what comes without hope joins a crowd, and is told at once where there is none', () => {
  const rig = new Rig();
  const hopeless = (age: number) => {
    const one = { contender: contenderOf(1, age), keys: ['x'], isHopeless: () => true };
    const inLine = { ...one, begin: () => void told.push(age) };
    rig.line.enter(inLine);
    return inLine;
  };
  const told: number[] = [];
  hopeless(1);
  deepEqual(told, [1]);
  const head = rig.enter(2);
  for (const age of [3, 4, 5]) hopeless(age);
  deepEqual(told, [1], 'somebody is on its way');
  rig.line.leave(head);
  deepEqual(told, [1, 3]);
  hopeless(6);
  deepEqual(told, [1, 3], 'others wait');
  rig.enter(2);
  deepEqual(rig.begun, ['2', '2'], 'whoever has hope does not wait for those who have none');
});

test('nobody waits for itself, nor for one that left a key that it does not want', () => {
  const rig = new Rig();
  const head = rig.enter(1, ['x', 'y']);
  const [both, other] = [rig.enter(2, ['x', 'y']), rig.enter(3, ['y'])];
  both.hasHope = false;
  rig.line.leave(head);
  deepEqual(rig.begun, ['1', '2 in vain', '3'], 'it waited at x, so y is free');
  rig.line.leave(other);
  rig.enter(2, ['y', 'x']);
  deepEqual(rig.begun, ['2']);
});

test('a head that ends at once calls the next, and each is called once', () => {
  const line = new Line();
  const begun: number[] = [];
  const enter = (age: number, leaves: boolean) => {
    const one: InLine = {
      contender: contenderOf(1, age),
      keys: ['x'],
      isHopeless: () => false,
      begin: () => {
        begun.push(age);
        if (leaves) line.leave(one);
      },
    };
    line.enter(one);
    return one;
  };
  const head = enter(1, false);
  for (let age = 2; age < 50; age++) enter(age, age !== 40);
  line.leave(head);
  deepEqual(
    begun,
    Array.from({ length: 40 }, (_, at) => at + 1),
  );
  equal(line.waiting, 9);
});

test('the line has a bound: behind it everybody begins at once, and takes nobody’s place', () => {
  const rig = new Rig();
  const head = rig.enter(1);
  for (let age = 2; age < lineMax + 2; age++) rig.enter(age);
  equal(rig.line.waiting, lineMax);
  deepEqual(rig.begun, ['1']);
  const beyond = rig.enter(5000);
  deepEqual(rig.begun, ['5000']);
  rig.line.leave(beyond);
  deepEqual(rig.begun, [], 'it had no place to give up');
  rig.line.leave(head);
  deepEqual(rig.begun, ['2']);
});

test('nobody is called in a line that is closed', () => {
  const rig = new Rig();
  const [head, waiting] = [rig.enter(1), rig.enter(2)];
  rig.line.close();
  rig.line.leave(head);
  rig.line.leave(waiting);
  rig.line.tick();
  deepEqual(rig.begun, ['1']);
});

test('only keys that are checked by version and written are contested', () => {
  const operations = [
    checkVersion('read', 3),
    checkVersion('both', 4),
    put('both', 'a'),
    put('blind', 'b'),
    get('got'),
    checkVersion('grown', 0),
    append('grown', 'c'),
  ];
  deepEqual(contestedKeys(operations), ['both', 'grown']);
  deepEqual(contestedKeys([put('blind', 'b')]), []);
});
