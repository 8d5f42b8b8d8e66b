/** Refused connections are logged: when a series begins, and when it has ended. */

import { deepEqual } from 'node:assert/strict';
import { test } from 'node:test';
import { RefusalLog } from '../../src/runtime/refusal-log.ts';

const DOWN = { type: 'refused', address: 'ws://peer:1', by: 'them', text: 'ECONNREFUSED' } as const;

function newLog() {
  const told: string[] = [];
  const log = new RefusalLog((line, text) => {
    const count = 'count' in line ? ` ${line.count}` : '';
    told.push(`${text}${count}`);
  });
  return { log, told };
}

test('a peer that is down is logged once, and counted when it is back', () => {
  const { log, told } = newLog();
  for (let at = 0; at < 300; at++) log.note(DOWN, at * 1000);
  log.sweep(300_000);
  deepEqual(told, ['connections are refused']);
  log.sweep(320_000);
  deepEqual(told, ['connections are refused', 'connections are no longer refused 300']);
  log.note(DOWN, 400_000);
  deepEqual(told.length, 3);
  log.close();
  deepEqual(told.length, 3);
});

test('another reason is a new series, and another port of the same address is not', () => {
  const { log, told } = newLog();
  log.note(DOWN, 0);
  log.note({ ...DOWN, text: 'wrong cluster' }, 1);
  for (let port = 1; port < 50; port++) {
    log.note({ type: 'refused', address: `10.0.0.1:${port}`, by: 'us', text: 'no hello' }, port);
  }
  deepEqual(told.length, 3);
  log.close();
  deepEqual(told.at(-1), 'connections are no longer refused 49');
});

test('the memory of remote addresses is bounded', () => {
  const { log, told } = newLog();
  for (let at = 0; at < 10_000; at++) log.note({ ...DOWN, address: `ws://${at}` }, at);
  deepEqual(told.length, 65);
  log.close();
});
