/** The verb for audit trails, which reads files and asks no cluster. */

import type { Verb } from './verb.ts';

export const AUDIT_VERBS: readonly Verb[] = [
  {
    name: 'audit',
    summary: 'verify or show the audit trail of a node',
    words: [
      {
        form: '<action>',
        kind: 'command',
        description: 'verify or show',
        choices: ['verify', 'show'],
      },
      { form: '<path>', kind: 'value', description: 'folder of the trail, or one of its files' },
    ],
    options: [
      { flags: '--from <hash>', description: 'verify: a line has this hash, too' },
      { flags: '--user <name>', description: 'show: only lines about this user' },
      {
        flags: '--since <time>',
        description: 'show: only lines since then: 2026-12-31T09:00:00Z, or 2h ago as 2h',
      },
    ],
    formats: ['table', 'json', 'ndjson'],
    examples: [
      'kvctl audit verify ./n1/audit',
      'kvctl audit show ./n1/audit --user billing --since 24h',
    ],
    details: `verify  checks the hash of each line, and that each line continues the one in front
        of it, over all files. Exit code 0 means intact, 1 broken: each place is
        named, with what happened there (changed, removed, inserted, reordered, torn)
show    prints lines without verifying them

Lines that are cut off at the end leave no trace in the files. Note the last hash
elsewhere (kvctl status -o json shows it), and verify with --from: then a trail
that has lost the noted line is broken. On a running node the last line may be
torn because it is being written: verify again.`,
    isRemote: false,
    load: () => import('./commands/audit.ts'),
  },
];
