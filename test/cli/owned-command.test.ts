/** How the command of `kvctl lock` gets signals, and how a wait for a lock is interrupted. */

import { deepEqual, equal, match } from 'node:assert/strict';
import { execFileSync } from 'node:child_process';
import { existsSync, mkdtempSync, readFileSync, rmSync } from 'node:fs';
import { tmpdir } from 'node:os';
import { join } from 'node:path';
import { type TestContext, test } from 'node:test';
import { kvctl } from './called.ts';
import { MemoryStore } from './memory-store.ts';

/** A command that gets no signal is waited for in vain. */
const BOUNDED = { timeout: 20_000 };

/** As if this process had got it. */
function signal(name: NodeJS.Signals): void {
  process.emit(name, name);
}

async function until(isTrue: () => boolean): Promise<void> {
  while (!isTrue()) await new Promise((resume) => setTimeout(resume, 5));
}

function isThere(pid: number): boolean {
  try {
    process.kill(pid, 0);
    return stateOf(pid) !== 'Z';
  } catch {
    return false;
  }
}

/** As /proc has it: R, S, T for stopped, Z. */
function stateOf(pid: number): string {
  const stat = readFileSync(`/proc/${pid}/stat`, 'utf8');
  return stat.slice(stat.lastIndexOf(')') + 2)[0] ?? '';
}

/** Whether a shell waits for `sleep`: a signal before that could end another step of its script. */
function isAsleep(pid: number): boolean {
  const path = `/proc/${pid}/task/${pid}/children`;
  // Some kernels do not tell.
  if (!existsSync(path)) return isThere(pid);
  return readFileSync(path, 'utf8')
    .split(' ')
    .filter(Boolean)
    .some((child) => {
      const name = `/proc/${child}/comm`;
      return existsSync(name) && readFileSync(name, 'utf8').trim() === 'sleep';
    });
}

/** A command of two processes; the second one is told of by the file. */
function steps(
  context: TestContext,
  { trap = '', script = 'sleep 60' } = {},
): { words: string[]; pid: () => number } {
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-owned-'));
  const file = join(folder, 'pid');
  const pid = () => (existsSync(file) ? Number(readFileSync(file, 'utf8')) : 0);
  context.after(() => {
    if (isThere(pid())) process.kill(pid(), 'SIGKILL');
    rmSync(folder, { recursive: true });
  });
  const inner = `${trap}echo $$ > ${file}.new; mv ${file}.new ${file}; ${script}`;
  return { words: ['--', 'sh', '-c', `sh -c '${inner}; exit'; wait`], pid };
}

test('a call that waits for a lock is given up at a signal', BOUNDED, async () => {
  for (const [name, exit] of [['SIGINT', 130] as const, ['SIGTERM', 143] as const]) {
    const store = new MemoryStore();
    store.isWaiting = true;
    store.take('report');
    for (const words of [['lock'], ['elect']]) {
      const calling = kvctl([...words, 'report', '--', 'true'], { store });
      await until(() => store.lockRequests.length + store.elections.length > 0);
      await until(() => process.listenerCount(name) > 0);
      signal(name);
      const called = await calling;
      deepEqual([called.exit, called.notes, store.isClosed], [exit, '', true]);
      store.lockRequests.length = 0;
      store.elections.length = 0;
    }
    equal(process.listenerCount(name), 0);
  }
});

test('what a lost lock ends is all processes of the command', BOUNDED, async (context) => {
  const store = new MemoryStore();
  const { words, pid } = steps(context);
  const calling = kvctl(['lock', 'report', ...words], { store });
  await until(() => pid() > 0);
  store.losing.abort();
  const { exit, notes } = await calling;
  equal(exit, 75);
  match(notes, /lock report was lost/);
  equal(isThere(pid()), false);
});

test('a process that ignores SIGTERM is killed after the grace time', BOUNDED, async (context) => {
  const store = new MemoryStore();
  const { words, pid } = steps(context, {
    trap: 'trap "" TERM; ',
    script: 'sleep 60',
  });
  const calling = kvctl(['lock', 'report', '--ttl', '1s', ...words], { store });
  await until(() => pid() > 0);
  store.losing.abort();
  equal((await calling).exit, 75);
  await until(() => !isThere(pid()));
});

test('signals are passed on to all processes of the command', BOUNDED, async (context) => {
  for (const [name, exit] of [['SIGINT', 130] as const, ['SIGQUIT', 131] as const]) {
    const store = new MemoryStore();
    const { words, pid } = steps(context);
    const calling = kvctl(['lock', 'report', ...words], { store });
    await until(() => pid() > 0 && isAsleep(pid()));
    signal(name);
    equal((await calling).exit, exit);
    deepEqual([isThere(pid()), store.releases], [false, 1]);
  }
});

test('the command decides how it ends at a signal', BOUNDED, async (context) => {
  const store = new MemoryStore();
  const { words, pid } = steps(context, {
    trap: 'trap "exit 9" INT; ',
    script: 'for i in $(seq 500); do sleep 0.02; done',
  });
  words[3] = `trap : INT; ${words[3]?.replace('; wait', '; exit $?')}`;
  const calling = kvctl(['lock', 'report', ...words], { store });
  await until(() => pid() > 0);
  signal('SIGINT');
  deepEqual([(await calling).exit, store.releases], [9, 1]);
});

test('a signal that tells the command something ends nothing', BOUNDED, async (context) => {
  for (const name of ['SIGUSR1', 'SIGUSR2', 'SIGALRM'] as const) {
    const store = new MemoryStore();
    const folder = mkdtempSync(join(tmpdir(), 'kvctl-owned-'));
    const file = join(folder, 'pid');
    const script = `trap 'told=yes' ${name.slice(3)}
      sleep 60 > /dev/null 2>&1 &
      echo $! > ${file}.new; mv ${file}.new ${file}
      for i in $(seq 500); do test -n "$told" && exit 7; sleep 0.02; done`;
    const calling = kvctl(['lock', 'report', '--', 'sh', '-c', script], { store });
    await until(() => existsSync(file));
    const pid = Number(readFileSync(file, 'utf8'));
    context.after(() => {
      if (isThere(pid)) process.kill(pid, 'SIGKILL');
      rmSync(folder, { recursive: true });
    });
    signal(name);
    deepEqual([(await calling).exit, store.releases, isThere(pid)], [7, 1, true]);
  }
});

test('kvctl does not stay long behind its command', BOUNDED, async (context) => {
  const store = new MemoryStore();
  const left: number[] = [];
  context.mock.method(process, 'exit', (code: number) => left.push(code));
  // No node is in reach any more.
  store.close = () => until(() => left.length > 0);
  const words = ['lock', 'report', '--', 'sh', '-c', 'exit 9'];
  const calling = kvctl(words, { store });
  deepEqual([(await calling).exit, left], [9, [9]]);
});

test('a lock that was lost while kvctl was stopped ends the command', BOUNDED, async (context) => {
  const store = new MemoryStore();
  const { words, pid } = steps(context);
  const calling = kvctl(['lock', 'report', ...words], { store });
  await until(() => pid() > 0);
  process.kill(pid(), 'SIGSTOP');
  await until(() => stateOf(pid()) === 'T');
  signal('SIGCONT');
  await until(() => stateOf(pid()) !== 'T');
  store.isLost = true;
  signal('SIGCONT');
  deepEqual([(await calling).exit, isThere(pid())], [75, false]);
});

test('processes that a command leaves behind go on after it', BOUNDED, async (context) => {
  const store = new MemoryStore();
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-owned-'));
  context.after(() => rmSync(folder, { recursive: true }));
  const file = join(folder, 'pid');
  const script = `sleep 60 > /dev/null 2>&1 & echo $! > ${file}`;
  const { exit } = await kvctl(['lock', 'report', '--', 'sh', '-c', script], { store });
  const pid = Number(readFileSync(file, 'utf8'));
  deepEqual([exit, isThere(pid)], [0, true]);
  process.kill(pid, 'SIGKILL');
});

test('in the foreground the command has the session of the terminal', BOUNDED, async () => {
  const store = new MemoryStore();
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-owned-'));
  const file = join(folder, 'session');
  // The session is the sixth word of the line; the name of the shell has no spaces.
  const script = ['--', 'sh', '-c', `cut -d ' ' -f 6 /proc/$$/stat > ${file}`];
  const sessions: string[] = [];
  for (const option of [[], ['--foreground']]) {
    await kvctl(['lock', 'report', ...option, ...script], { store });
    sessions.push(readFileSync(file, 'utf8').trim());
  }
  const own = readFileSync('/proc/self/stat', 'utf8').split(') ')[1]?.split(' ')[3];
  deepEqual([sessions[0] === own, sessions[1]], [false, own]);
  rmSync(folder, { recursive: true });
});

test('what a verb needs is asked for before the command that it runs', BOUNDED, async () => {
  const store = new MemoryStore();
  const faulty = [
    [['lock', '--', 'echo', 'hi'], /missing required argument 'name'.*\nhint: .*<name> -- /],
    [['lock', 'report', 'echo', 'hi'], /too many arguments/],
    [['lock', 'report'], /the command is missing/],
    [['lock', 'report', '--'], /the command is missing/],
    [['elect', '--', 'true'], /missing required argument 'key'/],
    [['elect', 'k', 'v', 'w', '--', 'true'], /too many arguments/],
    [['elect', 'k', '--observe', '--', 'true'], /--observe takes the key alone/],
  ] as const;
  for (const [words, told] of faulty) {
    const { exit, notes } = await kvctl(words, { store });
    equal(exit, 2, words.join(' '));
    match(notes, told);
  }
  deepEqual([store.lockRequests.length, store.elections.length], [0, 0]);
  const { exit } = await kvctl(['elect', 'scheduler', '--', 'true'], { store });
  const [election] = store.elections;
  const value = String(store.codec.decode(election?.value ?? new Uint8Array()));
  equal(exit, 0);
  match(value, new RegExp(`:${process.pid}$`));
});

test('options of the command are its own', BOUNDED, async () => {
  const store = new MemoryStore();
  const folder = mkdtempSync(join(tmpdir(), 'kvctl-owned-'));
  const file = join(folder, 'words');
  const program = `fs.writeFileSync(${JSON.stringify(file)}, process.argv.slice(1).join())`;
  const words = ['-e', program, '--', '--help', '--wait', '-o'];
  const { exit } = await kvctl(['lock', 'report', '--', process.execPath, ...words], { store });
  deepEqual([exit, readFileSync(file, 'utf8')], [0, '--help,--wait,-o']);
  rmSync(folder, { recursive: true });
});

test('the watchdog of a command that has ended ends too', BOUNDED, async () => {
  const store = new MemoryStore();
  await kvctl(['lock', 'report', '--', 'true'], { store });
  const watchdogs = () => {
    const all = execFileSync('ps', ['-eo', 'ppid,args'], { encoding: 'utf8' }).split('\n');
    return all.filter((line) => line.trim().startsWith(`${process.pid} sh -c read`)).length;
  };
  await until(() => watchdogs() === 0);
});
