/** Verbs for locks, elections and leases. */

import { ENCODING_OPTIONS, type OptionSpec, type Verb } from './verb.ts';

const OWNING_OPTIONS: readonly OptionSpec[] = [
  { flags: '--wait <time>', description: 'how long to wait: 500ms, 30s (default: a day)' },
  {
    flags: '--ttl <time>',
    description: 'how long others have to wait if this machine dies: 1s to 1h (default: 15s)',
  },
  {
    flags: '--foreground',
    description: 'the command has the terminal: for a shell, or a prompt for a password',
  },
];

const ENDING = `The exit code is that of the command; 6 if it was not run, because the wait was
over. If the lock is lost, because its lease could not be confirmed in time, the
command gets SIGTERM, and SIGKILL after a fifth of the time to live, 5 seconds at
most; the exit code is then 75. Signals to kvctl are passed on to the command, and
to all processes that it has started: they are one process group, in a session of
its own. If kvctl is killed, they end too. With --foreground the command stays in
the session of the terminal, and only the command itself gets signals.
RINGKV_FENCE has the fence: kvctl set, delete, add and txn of the command guard
their writes by it, so they are refused once a newer owner has written.`;

export const LOCK_VERBS: readonly Verb[] = [
  {
    name: 'lock',
    summary: 'run a command while owning a lock',
    words: [{ form: '<name>', kind: 'value', description: 'the name of the lock' }],
    runsCommand: true,
    options: [
      ...OWNING_OPTIONS,
      { flags: '--try', description: 'do not wait' },
      { flags: '--shared', description: 'own the lock together with others that share it' },
      { flags: '--permits <n>', description: 'a semaphore: so many may own it at a time' },
      {
        flags: '--guard <key>',
        description: 'a key that the command reads before it writes; may be repeated',
        isRepeatable: true,
      },
      ...ENCODING_OPTIONS,
    ],
    formats: [],
    details: ENDING,
    examples: [
      'kvctl lock report --wait 1m -- touch report.txt',
      'kvctl lock downloads --permits 4 -- touch download.txt',
      'kvctl lock stock --guard stock:7 -- touch restocked.txt',
    ],
    isRemote: true,
    load: () => import('./commands/lock.ts'),
  },
  {
    name: 'locks',
    summary: 'print who owns locks, and who waits for one',
    words: [{ form: '[name]', kind: 'value', description: 'a lock, with its whole queue' }],
    options: ENCODING_OPTIONS,
    formats: ['table', 'json', 'ndjson'],
    details: 'The exit code is 1 if no lock is owned, or the named one has no queue.',
    examples: ['kvctl locks', 'kvctl locks report -o json'],
    isRemote: true,
    load: () => import('./commands/locks.ts'),
  },
  {
    name: 'elect',
    summary: 'run a command while leading',
    words: [
      { form: '<key>', kind: 'key', description: 'the key of the election' },
      {
        form: '[value]',
        kind: 'value',
        description: 'what the key holds meanwhile (default: host and process)',
      },
    ],
    runsCommand: true,
    options: [
      ...OWNING_OPTIONS,
      { flags: '--observe', description: 'print the leaders as they change, and do not stand' },
      ...ENCODING_OPTIONS,
    ],
    formats: [],
    details: ENDING,
    examples: [
      'kvctl elect scheduler node-7 -- touch elected.txt',
      'kvctl elect scheduler --observe',
    ],
    isRemote: true,
    load: () => import('./commands/elect.ts'),
  },
  {
    name: 'lease',
    summary: 'list leases, or end one',
    words: [
      { form: '<what>', kind: 'value', description: 'list or revoke', choices: ['list', 'revoke'] },
      { form: '[id]', kind: 'value', description: 'revoke: the id of the lease' },
    ],
    options: [],
    formats: ['table', 'json', 'ndjson'],
    details: `A lease that is revoked ends at once: its keys are deleted, its locks pass on, and
its client is told within a quarter of its time to live.`,
    examples: ['kvctl lease list', 'kvctl lease revoke 959715c4c476eef8c31d8956be98d217'],
    isRemote: true,
    load: () => import('./commands/lease.ts'),
  },
];
