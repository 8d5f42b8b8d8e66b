/** The writer of the audit trail: what a crash, a full disk and a flood leave of it. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import test from 'node:test';
import { fileName } from '../../src/audit/chain.ts';
import { AUDIT_LIMITS } from '../../src/audit/limits.ts';
import { recoverTrail } from '../../src/audit/recovery.ts';
import { MemoryAppendFolder } from '../support/twins/memory-append-folder.ts';
import { linesOf, recordOf, TrailRig, verify } from './audit-rig.ts';

function kindsOf({ folder }: TrailRig): readonly unknown[] {
  return linesOf(folder.all()).map(({ kind, what }) => what ?? kind);
}

const TINY = { fileBytesMax: 2000, bytesMax: 6000 };

test('lines of one turn share a write and a sync', async () => {
  const rig = await TrailRig.open();
  rig.add('a', 'b', 'c');
  equal(rig.folder.writes, 0, 'the caller does not wait');
  await rig.settled();
  // The first line of the file, and the rest.
  equal(rig.folder.writes, 2);
  deepEqual(kindsOf(rig), ['file', 'start', 'a', 'b', 'c']);
  await rig.trail.close();
  await rig.trail.close();
  rig.add('late');
  await rig.settled();
  equal(kindsOf(rig).at(-1), 'stop');
});

test('a line has who, from where, what, on what and the outcome', async () => {
  const rig = await TrailRig.open();
  const who = { user: 'ada', token: 'aa' };
  rig.trail.add(recordOf('put-user', { who, outcome: 'refused', why: 'forbidden', request: 7 }));
  await rig.trail.close();
  const { sequence, at, previous, hash, ...line } = linesOf(rig.folder.all())[2] ?? {};
  deepEqual(line, {
    ...{ node: 1, kind: 'request', request: 7, who, from: '10.0.0.7:5000', what: 'put-user' },
    ...{ on: { user: 'ada' }, outcome: 'refused', why: 'forbidden' },
  });
  equal(sequence, 3);
  match(String(at), /^\d{4}-\d\d-\d\dT/);
  match(`${previous} ${hash}`, /^[0-9a-f]{64} [0-9a-f]{64}$/);
});

test('the next life continues the chain', async () => {
  const first = await TrailRig.open();
  first.add('a');
  await first.trail.close();
  const second = await TrailRig.open(first.folder);
  second.add('b');
  await second.trail.close();
  const lives = ['file', 'start', 'a', 'stop', 'start', 'b', 'stop'];
  deepEqual(kindsOf(second), lives);
  equal(verify(second.folder.all()).isIntact, true);
});

test('a power cut loses what was not synced, and a torn line is cut and told', async () => {
  const rig = await TrailRig.open(undefined, { syncMilliseconds: 60_000 });
  rig.add('a');
  await rig.settled();
  rig.add('b', 'c');
  await rig.settled();
  // What was synced, and some bytes of the next line.
  rig.folder.cut(50);
  const next = await TrailRig.open(rig.folder);
  next.add('d');
  await next.trail.close();
  deepEqual(kindsOf(next), ['file', 'start', 'd', 'stop']);
  equal(linesOf(next.folder.all())[1]?.tornBytes, 50);
  equal(verify(next.folder.all()).isIntact, true);
});

test('lines are synced after a while, and at the end', async () => {
  const rig = await TrailRig.open(undefined, { syncMilliseconds: 20 });
  rig.add('a');
  await rig.until(() => rig.folder.syncs >= 2);
  rig.folder.cut();
  equal(kindsOf(rig).at(-1), 'a');
  rig.add('b');
  await rig.trail.close();
  rig.folder.cut();
  equal(kindsOf(rig).at(-1), 'stop');
});

test('a crash between a new file and its first line leaves no hole', async () => {
  const rig = await TrailRig.open();
  rig.add('a');
  await rig.trail.close();
  for (const stub of ['', '{"sequence":5']) {
    const name = fileName(rig.folder.names().length + 1);
    rig.folder.put(name, new TextEncoder().encode(stub));
    const next = await TrailRig.open(rig.folder);
    next.add('b');
    await next.trail.close();
    equal(verify(rig.folder.all()).isIntact, true);
    equal(rig.folder.names().at(-1), name, 'it has its lines now');
  }
});

test('full files are followed by others, and the oldest are removed and told', async () => {
  const rig = await TrailRig.open(undefined, TINY);
  for (let at = 0; at < 60; at++) {
    rig.add(`request-${at}`);
    await rig.settled();
  }
  await rig.trail.close();
  const files = rig.folder.all();
  ok(files.length >= 2 && files[0]?.name !== fileName(1), files.map(({ name }) => name).join());
  const bytes = files.reduce((sum, file) => sum + file.bytes.length, 0);
  ok(bytes <= TINY.bytesMax, `${bytes} bytes`);
  const { isIntact, first, faults } = verify(files);
  deepEqual(faults, []);
  ok(isIntact && first > 1);
  const next = await TrailRig.open(rig.folder, TINY);
  await next.trail.close();
  equal(verify(rig.folder.all()).isIntact, true, 'the next life knows what was removed');
  equal(verify(rig.folder.all().slice(1)).isIntact, false, 'and nothing else may be');
});

test('on a full disk lines wait; nothing is lost while they fit in memory', async () => {
  const rig = await TrailRig.open();
  rig.add('a');
  await rig.settled();
  rig.folder.faults.add('append');
  rig.folder.partBytes = 30;
  rig.add('b');
  await rig.until(() => !rig.trail.progress.isWorking);
  rig.add('c');
  rig.folder.faults.clear();
  await rig.until(() => rig.trail.progress.isWorking);
  await rig.trail.close();
  deepEqual(kindsOf(rig), ['file', 'start', 'a', 'b', 'c', 'stop']);
  equal(verify(rig.folder.all()).isIntact, true, 'half a line was cut');
  match(rig.troubles[0] ?? '', /audit trail in memory cannot be written: ENOSPC/);
  match(rig.troubles[1] ?? '', /written again/);
  equal(rig.trail.progress.dropped, 0);
});

test('lines that do not fit in memory are counted where they are missing', async () => {
  const rig = await TrailRig.open();
  await rig.settled();
  const { queueLinesMax } = AUDIT_LIMITS;
  const more = 7;
  // In one turn, so no write can take any.
  for (let at = 0; at < queueLinesMax + more; at++) rig.add(`request-${at}`);
  await rig.until(() => rig.trail.progress.isWorking && rig.trail.progress.dropped === more);
  await rig.settled();
  rig.add('later');
  await rig.trail.close();
  const lines = linesOf(rig.folder.all());
  const at = lines.findIndex(({ kind }) => kind === 'gap');
  equal(lines[at]?.lost, more);
  equal(lines[at - 1]?.what, `request-${queueLinesMax - 1}`);
  equal(lines[at + 1]?.what, 'later');
  const { isIntact, dropped } = verify(rig.folder.all());
  deepEqual([isIntact, dropped], [true, more]);
  ok(rig.reports.some(({ isWorking }) => !isWorking));
});

test('while the disk hangs, dropped lines are reported all the same', async () => {
  const rig = await TrailRig.open();
  await rig.settled();
  let open = () => {};
  rig.folder.gate = new Promise((resolve) => {
    open = resolve;
  });
  rig.add('first');
  await rig.settled();
  const { queueLinesMax } = AUDIT_LIMITS;
  for (let at = 0; at < queueLinesMax; at++) rig.add(`request-${at}`);
  await rig.until(() => rig.reports.at(-1)?.isWorking === false);
  equal(rig.trail.progress.dropped, 1);
  rig.add('more');
  open();
  await rig.until(() => rig.trail.progress.isWorking);
  await rig.trail.close();
  const { isIntact, dropped } = verify(rig.folder.all());
  deepEqual([isIntact, dropped], [true, 2]);
});

test('after a failed sync a new file says so', async () => {
  const rig = await TrailRig.open();
  await rig.settled();
  rig.folder.faults.add('sync');
  rig.trail.add(recordOf('a', { outcome: 'begun', request: 1 }));
  await rig.until(() => !rig.trail.progress.isWorking);
  equal(rig.trail.progress.durable, 0);
  rig.folder.faults.clear();
  rig.add('b');
  await rig.until(() => rig.trail.progress.isWorking);
  await rig.trail.close();
  const told = linesOf(rig.folder.all()).filter(({ syncFailed }) => syncFailed !== undefined);
  equal(told.length, 1);
  equal(verify(rig.folder.all()).isIntact, true);
});

test('a request is durable once its line is synced, and not before', async () => {
  const rig = await TrailRig.open(undefined, { syncMilliseconds: 60_000 });
  rig.trail.add(recordOf('a', { outcome: 'begun', request: 3 }));
  await rig.settled();
  equal(rig.trail.progress.durable, 0);
  await rig.trail.close();
  equal(rig.trail.progress.durable, 3);
  const synced = await TrailRig.open();
  synced.trail.add(recordOf('a', { outcome: 'begun', request: 3 }));
  await synced.until(() => synced.reports.at(-1)?.durable === 3);
  await synced.trail.close();
});

test('a broken chain is named, and goes on in a new file', async () => {
  const rig = await TrailRig.open();
  rig.add('a', 'b');
  await rig.trail.close();
  const [file] = rig.folder.all();
  const text = new TextDecoder().decode(file?.bytes).replace('"what":"a"', '"what":"x"');
  rig.folder.put(fileName(1), new TextEncoder().encode(text));
  const { fault } = await recoverTrail(rig.folder);
  deepEqual([fault?.kind, fault?.file, fault?.line], ['changed', fileName(1), 3]);
  const next = await TrailRig.open(rig.folder);
  next.add('c');
  await next.trail.close();
  deepEqual(rig.folder.names(), [fileName(1), fileName(2)]);
  equal(new TextDecoder().decode(rig.folder.all()[0]?.bytes), text, 'it stays as it is');
  const [header] = linesOf(rig.folder.all().slice(1));
  deepEqual(Object.entries(header?.broken ?? {}).slice(0, 3), [
    ['kind', 'changed'],
    ['file', fileName(1)],
    ['line', 3],
  ]);
  deepEqual(
    verify(rig.folder.all()).faults.map(({ line }) => line),
    [3],
  );
});

test('a folder with other files is a folder for a trail', async () => {
  const folder = new MemoryAppendFolder();
  folder.put('notes.txt', new TextEncoder().encode('x'));
  const rig = await TrailRig.open(folder);
  await rig.trail.close();
  deepEqual(folder.names(), [fileName(1), 'notes.txt']);
});

test('lines are synced in time while others keep coming', async () => {
  const rig = await TrailRig.open(undefined, { syncMilliseconds: 20 });
  const until = performance.now() + 2000;
  let isInTime = false;
  const isOver = () => isInTime || performance.now() >= until;
  // After each write there is a line more, so the queue is never empty before it is over.
  rig.reports.push = () => {
    isInTime ||= rig.trail.progress.sequence > 0 && !isOver();
    if (!isOver()) rig.add('a');
    return 0;
  };
  rig.add('a');
  await rig.until(isOver);
  ok(isInTime);
  await rig.trail.close();
});
