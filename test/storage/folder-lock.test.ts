/** One process for one folder, whatever its pid means and however its path is spelled. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { type ChildProcess, spawn } from 'node:child_process';
import { once } from 'node:events';
import {
  existsSync,
  mkdirSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs';
import { join, relative } from 'node:path';
import test from 'node:test';
import { setImmediate as turn } from 'node:timers/promises';
import { fileURLToPath } from 'node:url';
import { Worker } from 'node:worker_threads';
import { type FolderLock, lockFolder } from '../../src/storage/files/folder-lock.ts';
import { thisProcess } from '../../src/storage/files/lock-holder.ts';
import { inNamespace } from '../support/namespaces.ts';
import { temporaryFolder } from './temporary.ts';

const CHILD = fileURLToPath(new URL('./lock-child.js', import.meta.url));

interface Child {
  readonly process: ChildProcess;
  readonly said: string;
}

async function childOn(
  folder: string,
  { isApart = false, isCopying = false } = {},
): Promise<Child | undefined> {
  const plain = [process.execPath, CHILD, folder, ...(isCopying ? ['copying'] : [])];
  const command = isApart ? inNamespace(plain) : plain;
  if (command === undefined) return undefined;
  const [program = '', ...args] = command;
  const child = spawn(program, args, { stdio: ['pipe', 'pipe', 'inherit'] });
  const [said] = await once(child.stdout, 'data');
  return { process: child, said: String(said).trim() };
}

async function end(child: ChildProcess, signal?: NodeJS.Signals): Promise<void> {
  const gone = once(child, 'close');
  if (signal === undefined) child.stdin?.write('end\n');
  else child.kill(signal);
  await gone;
}

async function mustLock(folder: string): Promise<FolderLock> {
  const lock = await lockFolder(folder);
  ok(lock.type === 'held', JSON.stringify(lock));
  return lock;
}

/** LevelDB creates a new diagnostic file before it checks the lock: that one is not compared. */
function contentOf(folder: string): Record<string, string> {
  const names = readdirSync(folder, { recursive: true, withFileTypes: true });
  const files = names.filter((entry) => entry.isFile() && !entry.name.startsWith('LOG'));
  const paths = files.map(({ parentPath, name }) => join(parentPath, name)).sort();
  return Object.fromEntries(
    paths.map((path) => [path, path.endsWith('LOCK') ? '' : readFileSync(path, 'latin1')]),
  );
}

for (const isApart of [false, true]) {
  const where = isApart ? 'in another process namespace' : 'beside it';
  test(`a process ${where} is refused with the holder's name, and changes nothing`, async () => {
    const folder = temporaryFolder();
    const child = await childOn(folder, { isApart });
    if (child === undefined) return;
    equal(child.said, 'held');
    const before = contentOf(folder);
    const lock = await lockFolder(folder);
    const who = isApart ? /^process 1 of another container/ : /^process \d+$/;
    ok(lock.type === 'taken');
    match(lock.holder, who);
    deepEqual(contentOf(folder), before);
    await end(child.process);
    await (await mustLock(folder)).release();
  });

  test(`the lock of a process ${where} that was killed is free at once`, async () => {
    const folder = temporaryFolder();
    const child = await childOn(folder, { isApart });
    if (child === undefined) return;
    await end(child.process, 'SIGKILL');
    await (await mustLock(folder)).release();
  });
}

test('a second lock within one process is refused, under any name of the folder', async () => {
  const folder = temporaryFolder();
  const elsewhere = temporaryFolder();
  mkdirSync(join(folder, 'inner'));
  symlinkSync(folder, join(elsewhere, 'link'));
  const lock = await mustLock(folder);
  const names = [
    folder,
    relative(process.cwd(), folder),
    join(folder, 'inner', '..'),
    join(elsewhere, 'link'),
  ];
  for (const name of names) {
    const again = await lockFolder(name);
    ok(again.type === 'taken' && again.holder.includes(`${process.pid}`), name);
  }
  // Without a holder's name only the kernel refuses.
  rmSync(join(folder, 'lock', 'holder'));
  equal((await childOn(folder))?.said, 'taken by another process');
  await lock.release();
  await lock.release();
  await (await mustLock(join(elsewhere, 'link'))).release();
});

test('another thread is refused, and its attempt does not free the lock', async () => {
  const folder = temporaryFolder();
  const lock = await mustLock(folder);
  const thread = new Worker(CHILD, { argv: [folder], stdout: true, stdin: true });
  const [said] = await once(thread.stdout, 'data');
  equal(String(said).trim(), `taken by this process (${process.pid})`);
  await thread.terminate();
  // Without a holder's name only the kernel refuses.
  rmSync(join(folder, 'lock', 'holder'));
  const child = await childOn(folder);
  equal(child?.said, 'taken by another process');
  await lock.release();
});

test('a process that lost its lock to a copy of the folder is not taken for dead', async () => {
  const folder = temporaryFolder();
  const child = await childOn(folder, { isCopying: true });
  equal(child?.said, 'held');
  const lock = await lockFolder(folder);
  ok(lock.type === 'taken' && lock.holder === `process ${child?.process.pid}`);
  if (child !== undefined) await end(child.process);
});

test('the holder named beside the lock counts only if it is provably alive', async () => {
  const folder = temporaryFolder();
  await (await mustLock(folder)).release();
  const here = thisProcess();
  const parent = { ...here, pid: process.ppid };
  const dead = [
    { ...parent, start: '1' },
    { ...parent, boot: 'another run of the kernel' },
    { ...parent, pidNamespace: 'pid:[1]' },
    { ...parent, pid: 4_194_303 },
  ];
  for (const holder of dead) {
    writeFileSync(join(folder, 'lock', 'holder'), JSON.stringify(holder));
    await (await mustLock(folder)).release();
  }
});

/** A killed process whose parent never collects it. */
async function uncollected(): Promise<{ readonly pid: number; readonly end: () => void }> {
  // The parent becomes a program without knowledge of its child.
  const parent = spawn('sh', ['-c', 'sleep 0.3 & echo $!; exec sleep 60']);
  const [line] = await once(parent.stdout, 'data');
  const pid = Number(String(line).trim());
  while (fieldsOf(pid)[0] !== 'Z') await turn();
  return { pid, end: () => void parent.kill('SIGKILL') };
}

function fieldsOf(pid: number): readonly string[] {
  return readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ').at(-1)?.split(' ') ?? [];
}

test('a killed process does not hold the lock until its parent has collected it', async () => {
  const folder = temporaryFolder();
  await (await mustLock(folder)).release();
  const { pid, end: endParent } = await uncollected();
  const holder = { ...thisProcess(), pid, start: fieldsOf(pid)[19] ?? '' };
  writeFileSync(join(folder, 'lock', 'holder'), JSON.stringify(holder));
  await (await mustLock(folder)).release();
  endParent();
});

test('damage of the store that stands for the lock costs nothing', async () => {
  for (const name of ['CURRENT', 'MANIFEST', 'holder', 'reserve']) {
    const folder = temporaryFolder();
    await (await mustLock(folder)).release();
    const damaged = readdirSync(join(folder, 'lock')).filter((one) => one.startsWith(name));
    ok(damaged.length > 0, name);
    for (const one of damaged) writeFileSync(join(folder, 'lock', one), 'nothing of use');
    await (await mustLock(folder)).release();
    for (const one of damaged) rmSync(join(folder, 'lock', one), { force: true });
    const lock = await mustLock(folder);
    ok(existsSync(join(folder, 'lock', 'reserve')));
    await lock.release();
  }
});
