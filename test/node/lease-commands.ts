/** The vocabulary of the transcripts of leases and locks: each command does one thing. */

import type { LeaseStage } from './lease-stage.ts';

type Command = (stage: LeaseStage, words: readonly string[]) => void;

/** Runs `name word word ...`; the stage says what follows from it. */
export function perform(stage: LeaseStage, line: string): void {
  const [name = '', ...words] = line.split(/\s+/);
  const command = COMMANDS[name];
  if (command === undefined) throw new Error(`no command is called ${name}`);
  command(stage, words);
}

const COMMANDS: Readonly<Record<string, Command>> = {
  /** `ttl 15000`: of leases that are opened from now on. */
  ttl: (stage, [milliseconds]) => {
    stage.ttl = Number(milliseconds);
  },
  /** `set A job`: client A sets a key that is attached to its lease, which that opens. */
  set: (stage, [client = '', key = '']) => stage.set(client, key),
  /** `put A job`: without a lease. */
  put: (stage, [client = '', key = '']) => stage.put(client, key),
  /** `lock A cron`: client A takes a ticket, with its lease; `lock A cron shared`. */
  lock: (stage, [client = '', name = '', kind = 'exclusive']) => stage.lock(client, name, kind),
  /** `await B cron`: client B waits for its ticket; `await B cron 1000`: for so long. */
  await: (stage, [client = '', name = '', patience = '30000']) => {
    stage.await(client, name, Number(patience));
  },
  release: (stage, [client = '', name = '']) => stage.release(client, name),
  /** `end A`: client A ends its lease. */
  end: (stage, [client = '']) => stage.end(client),
  /** `keep A B`: one request of each. */
  keep: (stage, clients) => {
    for (const client of clients) stage.keep(client);
  },
  /** `guarded B cron 90 job`: client B sets the key under this token of the lock. */
  guarded: (stage, [client = '', name = '', token = '0', key = '']) => {
    stage.guarded(client, { name, token: Number(token) }, key);
  },
  /** `pass 5000`: milliseconds, with the leader's background work. */
  pass: (stage, [milliseconds]) => stage.pass(Number(milliseconds)),
  /** `disk stuck`, `disk well`: whether the log's disk answers. */
  disk: (stage, [word]) => {
    stage.isLogStuck = word === 'stuck';
  },
  /** `successor`: another replica leads, with the same state; requests to the old one fail. */
  successor: (stage) => stage.lead(),
  /** `hold job`, `free job`: a transaction prepares a write of the key, and is aborted. */
  hold: (stage, [key = '']) => stage.hold(key),
  free: (stage, [key = '']) => stage.free(key),
  /** `keys`, `leases`, `queue cron`, `entries`: prints them. */
  keys: (stage) => stage.say('keys', stage.keys.join(' ') || 'none'),
  leases: (stage) => stage.say('leases', stage.leases.join(', ') || 'none'),
  queue: (stage, [name = '']) => stage.queue(name),
  /** The kinds of entries since the last time. */
  entries: (stage) => stage.say('entries', stage.takeEntries().join(', ') || 'none'),
};
