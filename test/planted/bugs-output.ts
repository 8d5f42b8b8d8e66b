/** Planted bugs in what is read of strangers and in what reaches a terminal. */

import type { Bug } from './bug.ts';

type Planted = Omit<Bug, 'profiles' | 'isFast'> & { readonly isFast?: boolean };

const PLANTED: readonly Planted[] = [
  {
    name: 'prototype-field-renamed',
    sentence: 'a document with a field __proto__ comes back with another name for it',
    file: 'src/wire/document.ts',
    find: "if (kind === 'usual') return",
    replace: 'return',
    tests: ['document'],
    isFast: true,
  },
  {
    name: 'any-name-is-ours',
    sentence: 'a web page whose host name points to this machine reads the metrics',
    file: 'src/transport/host-check.ts',
    find: 'return ownHosts.some((own) => own.toLowerCase() === host);',
    replace: 'return true;',
    tests: ['host-check'],
    isFast: true,
  },
  {
    name: 'cells-steer-the-terminal',
    sentence: 'a zone or a url of the map moves the cursor of the terminal that lists the nodes',
    file: 'cli/printers/table.ts',
    find: 'given.map((row) => row.map(visible))',
    replace: 'given',
    tests: ['health'],
  },
  {
    name: 'notes-steer-the-terminal',
    sentence: 'quoted text in an error reaches the terminal unescaped',
    file: 'cli/terminal.ts',
    find: '{visibleLines(text)}',
    replace: '{text}',
    tests: ['failures'],
  },
  {
    name: 'only-the-shell-is-signalled',
    sentence: 'a signal ends the shell of kvctl lock, and its step goes on without the lock',
    file: 'cli/process-group.ts',
    find: 'this.#isWhole ? -pid : pid',
    replace: 'pid',
    tests: ['owned-command'],
  },
  {
    name: 'stubborn-command-lives',
    sentence: 'a command that ignores SIGTERM goes on after its lock was lost',
    file: 'cli/process-group.ts',
    find: "this.#signal('SIGKILL');",
    replace: '',
    tests: ['owned-command'],
  },
  {
    name: 'told-command-is-signalled',
    sentence: 'SIGUSR1 to kvctl ends processes of the command that do not know it',
    file: 'cli/process-group.ts',
    find: 'this.#signal(name, Math.abs(this.#target));',
    replace: 'this.#signal(name);',
    tests: ['owned-command'],
  },
  {
    name: 'kvctl-stays-behind-its-command',
    sentence: 'kvctl lock waits for nodes that are down when its command has ended',
    file: 'cli/owned-command.ts',
    find: 'interruption.leaveWithin(LEAVING_MILLISECONDS, exit);',
    replace: '',
    tests: ['owned-command'],
  },
  {
    name: 'resumed-command-goes-on',
    sentence: 'a command goes on although its lock was lost while kvctl was stopped',
    file: 'cli/owned-command.ts',
    find: 'if (!this.#owned.lock.isOwned()) this.#lose();',
    replace: '',
    tests: ['owned-command'],
  },
  {
    name: 'interrupted-wait-goes-on',
    sentence: 'a call that waits for a lock is not given up at a signal',
    file: 'cli/interruption.ts',
    find: 'this.#aborting.abort();',
    replace: '',
    tests: ['owned-command'],
  },
  {
    name: 'words-of-the-command-are-ours',
    sentence: 'kvctl lock takes the options of its command for its own',
    file: 'cli/program.ts',
    find: 'own: words.slice(0, at), command',
    replace: 'own: words, command',
    tests: ['owned-command'],
  },
  {
    name: 'script-writes-unguarded',
    sentence: 'kvctl set of a command under a lock is not guarded by the fence of the lock',
    file: 'cli/data-verbs.ts',
    find: "environment: 'RINGKV_FENCE',",
    replace: '',
    tests: ['lock-verbs'],
  },
];

export const OUTPUT_BUGS: readonly Bug[] = PLANTED.map((bug) => ({
  isFast: false,
  ...bug,
  profiles: [],
}));
