/** The queue of `ringkv/queue` in memory: each job runs at least once, and none for ever. */

import { deepEqual, equal, ok, rejects, throws } from 'node:assert/strict';
import { test } from 'node:test';
import { Random } from '../../src/base/random.ts';
import { type Queue, type QueueJob, queue } from '../../src/queue.ts';
import { testkit } from '../../src/testkit.ts';

const OPTIONS = { visibility: 10_000, attempts: 3, backoff: 2000 };
const NOT_AT_ALL = { wait: 0 };

async function queued(...values: readonly string[]) {
  const kit = await testkit();
  const jobs = queue<string>(kit.kv(), 'jobs', OPTIONS);
  for (const value of values) await jobs.push(value);
  const take = () => jobs.take(NOT_AT_ALL);
  return { kit, jobs, take };
}

function given<T>(job: QueueJob<T> | undefined): QueueJob<T> {
  ok(job !== undefined, 'there is a job');
  return job;
}

test('jobs are taken in their order, by one worker each, and go when they are done', async () => {
  const { kit, jobs, take } = await queued('a', 'b', 'c');
  const taken = await Promise.all([take(), take(), take(), take()]);
  deepEqual(
    taken
      .map((job) => job?.value)
      .filter(Boolean)
      .sort(),
    ['a', 'b', 'c'],
  );
  for (const job of taken) if (job !== undefined) equal(await job.done(), true);
  await kit.clock.advance(20_000);
  equal(await take(), undefined);
  ok(await kit.kv().isEmpty(), 'nothing is left of it');
  await jobs.push('d');
  const job = given(await take());
  deepEqual([job.value, job.attempt], ['d', 1]);
  equal(await given(job).done(), true);
  equal(await job.done(), false, 'only once');
  await kit.close();
});

test('the job of a worker that died comes back, and a late worker learns of it', async () => {
  const { kit, take } = await queued('a');
  const late = given(await take());
  await kit.clock.advance(8000);
  equal(await take(), undefined, 'it is still being worked on');
  await kit.clock.advance(4000);
  const again = given(await take());
  deepEqual([again.value, again.attempt, again.id], ['a', 2, late.id]);
  deepEqual([await late.done(), await late.extend(), await late.fail()], [false, false, false]);
  equal(await again.done(), true);
  await kit.close();
});

test('a worker that extends its job keeps it', async () => {
  const { kit, take } = await queued('a');
  const job = given(await take());
  for (let time = 0; time < 5; time++) {
    await kit.clock.advance(6000);
    equal(await job.extend(), true);
    equal(await take(), undefined);
  }
  equal(await job.done(), true);
  await kit.close();
});

test('a job that fails comes back after its backoff, and is dead after its attempts', async () => {
  const { kit, jobs, take } = await queued('a');
  for (const [attempt, pause] of [2000, 4000].entries()) {
    const job = given(await take());
    equal(job.attempt, attempt + 1);
    equal(await job.fail(`reason ${attempt}`), true);
    await kit.clock.advance(pause - 1000);
    equal(await take(), undefined, 'the backoff is not over');
    await kit.clock.advance(12_000);
  }
  equal(await given(await take()).fail('the last reason'), true);
  await kit.clock.advance(60_000);
  equal(await take(), undefined);
  const dead = [];
  for await (const job of jobs.dead()) dead.push(job);
  deepEqual(
    dead.map(({ value, why }) => [value, why]),
    [['a', 'the last reason']],
  );
  equal(await jobs.revive(dead[0]?.id ?? ''), true);
  equal(await jobs.revive(dead[0]?.id ?? ''), false);
  const revived = given(await take());
  deepEqual([revived.value, revived.attempt], ['a', 1]);
  await kit.close();
});

test('a job whose workers all die is dead after its attempts as well', async () => {
  const { kit, jobs, take } = await queued('a');
  for (let attempt = 1; attempt <= 3; attempt++) {
    equal(given(await take()).attempt, attempt);
    await kit.clock.advance(12_000);
  }
  equal(await take(), undefined);
  const names = [];
  for await (const { value } of jobs.dead()) names.push(value);
  deepEqual(names, ['a']);
  await kit.close();
});

test('a delayed job is ready when its time has come, not before', async () => {
  const { kit, jobs, take } = await queued();
  await jobs.push('later', { delay: 15_000 });
  await jobs.push('now');
  equal(given(await take()).value, 'now');
  await kit.clock.advance(11_000);
  equal(given(await take()).value, 'now', 'the one that was not done');
  await kit.clock.advance(11_000);
  deepEqual([given(await take()).value, given(await take()).value].sort(), ['later', 'now']);
  await kit.close();
});

test('queues have nothing in common, and a name has no brace', async () => {
  const { kit, jobs } = await queued('a');
  const other = queue<string>(kit.kv().space('tenant'), 'jobs');
  equal(await other.take(NOT_AT_ALL), undefined);
  await other.push('b');
  equal((await jobs.take(NOT_AT_ALL))?.value, 'a');
  throws(() => queue(kit.kv(), 'a}b'), /without braces/);
  await kit.close();
});

test('a worker that waits is woken by a push, a hold that is over, and its signal', async () => {
  const { kit, jobs } = await queued();
  const waiting = jobs.take();
  await jobs.push('a');
  const first = given(await waiting);
  equal(first.value, 'a');
  const again = jobs.take();
  await kit.clock.advance(12_000);
  equal(given(await again).attempt, 2);
  const stop = new AbortController();
  const stopped = jobs.take({ signal: stop.signal });
  stop.abort();
  await rejects(stopped, { code: 'aborted' });
  equal(await jobs.take({ wait: 50 }), undefined);
  await kit.close();
});

test('each job is done although workers abandon jobs and leaders crash', async () => {
  const random = new Random(11);
  const kit = await testkit({ nodes: 3 });
  const other = await kit.connect();
  const options = { visibility: 3000, attempts: 1000, backoff: 100 };
  const workers = [kit.kv(), other, kit.kv(), other].map((kv) =>
    queue<number>(kv, 'jobs', options),
  );
  const [first] = workers;
  ok(first);
  const all = Array.from({ length: 30 }, (_, at) => at);
  for (const at of all) await first.push(at);
  const finished = new Map<number, number>();
  const work = async (jobs: Queue<number>): Promise<void> => {
    // An outcome that is not known is one more job that is abandoned.
    const job = await jobs.take(NOT_AT_ALL).catch(() => undefined);
    if (job === undefined || random.chance(0.3)) return;
    if (random.chance(0.2)) return void (await job.fail('again').catch(() => {}));
    const isDone = await job.done().catch(() => false);
    if (isDone) finished.set(job.value, (finished.get(job.value) ?? 0) + 1);
  };
  for (let round = 0; round < 400; round++) {
    if (round % 20 === 10) await kit.faults.crashLeader('queue:{jobs}:');
    if (round % 20 === 15) kit.faults.heal();
    await Promise.all(workers.map(work));
    await kit.clock.advance(500);
    if (await kit.kv().isEmpty()) break;
  }
  ok(await kit.kv().isEmpty(), 'no job is left');
  ok(
    [...finished.values()].every((times) => times === 1),
    'each job is finished once at most',
  );
  // Some may have been finished by a call whose outcome was lost.
  ok(finished.size > all.length / 2, `${finished.size} are known to be finished`);
  await kit.close();
});

test('a mistake in a call is refused by its code, and nothing is sent', async () => {
  const { kit, jobs } = await queued();
  const kv = kit.kv();
  const refused = { code: 'invalid-argument', outcome: 'notApplied' };
  const mistakes: readonly (readonly [name: unknown, options?: unknown])[] = [
    [''],
    ['a}b'],
    [7],
    ['x'.repeat(257)],
    ['jobs', { visibility: 0 }],
    ['jobs', { visibility: 1.5 }],
    ['jobs', { visibility: Number.NaN }],
    ['jobs', { visibility: 1e12 }],
    ['jobs', { attempts: 0 }],
    ['jobs', { attempts: '3' }],
    ['jobs', { backoff: -1 }],
    ['jobs', { visbility: 5 }],
    ['jobs', null],
  ];
  for (const [name, options] of mistakes) {
    const call = () => queue(kv, name as string, options as object);
    throws(call, refused, JSON.stringify([name, options]));
  }
  throws(() => queue(undefined as never, 'jobs'), refused);
  for (const options of [{ delay: -1 }, { delay: '5s' }, { delya: 5 }]) {
    await rejects(jobs.push('a', options as object), refused);
  }
  for (const options of [{ wait: -1 }, { wait: Number.NaN }, { signal: {} }, { timeout: 5 }]) {
    await rejects(jobs.take(options as object), refused);
  }
  ok(await kv.isEmpty());
  await kit.close();
});

test('a backoff of nothing, and one beyond all bounds, are waited for', async () => {
  const { kit } = await queued();
  const eager = queue<string>(kit.kv(), 'eager', { backoff: 0 });
  await eager.push('a');
  equal(await given(await eager.take()).fail(), true);
  await kit.clock.advance(2000);
  equal(given(await eager.take(NOT_AT_ALL)).attempt, 2);
  const patient = queue<string>(kit.kv(), 'patient', { backoff: 20 * 86_400_000 });
  await patient.push('a');
  equal(await given(await patient.take()).fail(), true);
  equal(await patient.take(NOT_AT_ALL), undefined);
  await kit.close();
});
