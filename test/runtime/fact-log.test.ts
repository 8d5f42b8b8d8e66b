/** The log lines that remote parties can cause are bounded. */

import { deepEqual, equal, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { FactLog } from '../../src/runtime/fact-log.ts';
import { LOG_SINK_LIMITS } from '../../src/runtime/log-sink-limits.ts';
import { newLogger } from '../../src/runtime/logger.ts';

const { spellMilliseconds, alarmsPerSpell, newsPerSpell, kindsMax } = LOG_SINK_LIMITS;

/** As pino encodes it; `kind` and `count` are in a summary. */
interface Line {
  readonly text: string;
  readonly count?: number;
  readonly kind?: string;
}

function lineOf(spelled: string): Line {
  const text = /"m[s]g":"([^"]*)"/.exec(spelled)?.[1] ?? '';
  return { ...JSON.parse(spelled), text };
}

function newLog() {
  const lines: Line[] = [];
  const logger = newLogger('info', { write: (line) => void lines.push(lineOf(line)) });
  return { lines, log: new FactLog(logger) };
}

test('a kind is logged a few times, and then counted', () => {
  const { lines, log } = newLog();
  for (let at = 0; at < 20_000; at++) log.tell('warn', 'frame-refused', { from: at }, at / 10);
  equal(lines.length, alarmsPerSpell);
  log.sweep(spellMilliseconds);
  const [last] = lines.slice(-1);
  deepEqual([last?.kind, last?.count], ['frame-refused', 20_000 - alarmsPerSpell]);
  log.tell('warn', 'frame-refused', {}, spellMilliseconds + 1);
  equal(lines.at(-1)?.text, 'frame-refused', 'the next spell begins anew');
  log.close();
});

test('a kind that continues is summed up once in a period', () => {
  const { lines, log } = newLog();
  for (let at = 0; at < 100_000; at++) log.tell('info', 'became-leader', { at }, at);
  const spells = 100_000 / spellMilliseconds;
  equal(lines.length, spells * newsPerSpell + spells - 1);
  log.close();
  const sums = lines.filter(({ kind }) => kind !== undefined);
  const counted = sums.reduce((sum, { count = 0 }) => sum + count, 0);
  equal(counted + spells * newsPerSpell, 100_000, 'each is told or counted');
});

test('one kind leaves room for others, and rare facts are logged in full', () => {
  const { lines, log } = newLog();
  for (let at = 0; at < 1000; at++) log.tell('warn', 'peer-silent', {}, 0);
  log.tell('error', 'state-damaged', { shard: 3 }, 0);
  equal(lines.at(-1)?.text, 'state-damaged');
  log.close();
  ok(lines.length === alarmsPerSpell + 2);
});

test('only a bounded number of kinds is counted separately', () => {
  const { lines, log } = newLog();
  for (let at = 0; at < 10_000; at++) log.tell('warn', `kind ${at}`, {}, 0);
  ok(lines.length <= kindsMax + alarmsPerSpell, `${lines.length}`);
  log.close();
});
