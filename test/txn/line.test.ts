/** Who goes when several want the same key, and who is let go when it can't be had any more. */

import { deepEqual, equal } from 'node:assert/strict';
import { test } from 'node:test';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { contestedKeys, type InLine, Line } from '../../src/txn/line.ts';
import { append, checkVersion, get, put } from '../machine/machine-rig.ts';
import { contenderOf } from './spelling.ts';

const { lineMax, lineReleases } = TRANSACTION_LIMITS;

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

test('what has become hopeless is let go a few at a time, behind whoever still hopes', () => {
  const rig = new Rig();
  const head = rig.enter(1);
  const crowd = [2, 3, 4, 5].map((age) => rig.enter(age));
  const last = rig.enter(6);
  for (const one of crowd) one.hasHope = false;
  deepEqual(rig.begun, ['1']);
  rig.line.leave(head);
  deepEqual(rig.begun, ['2 in vain', '3 in vain', '6']);
  equal(rig.line.waiting, crowd.length - lineReleases);
  const late = rig.enter(7);
  late.hasHope = false;
  rig.line.leave(last);
  deepEqual(rig.begun, ['4 in vain', '5 in vain']);
  rig.line.tick();
  deepEqual(rig.begun, ['7 in vain'], 'nobody comes, so time lets it go');
  rig.enter(8);
  deepEqual(rig.begun, ['8']);
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
  deepEqual(told, [1, 3, 4]);
  hopeless(6);
  deepEqual(told, [1, 3, 4], 'others wait');
  rig.enter(7);
  deepEqual(rig.begun, ['2', '7'], 'whoever has hope does not wait for those who have none');
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
