/** All verbs of kvctl. Their implementations are loaded when they are called. */

import { ACCESS_VERBS } from './access-verbs.ts';
import { AUDIT_VERBS } from './audit-verbs.ts';
import { CLUSTER_VERBS } from './cluster-verbs.ts';
import { DATA_VERBS } from './data-verbs.ts';
import { LOCK_VERBS } from './lock-verbs.ts';
import { SHELLS, type Verb } from './verb.ts';

export const VERBS: readonly Verb[] = [
  ...DATA_VERBS,
  ...LOCK_VERBS,
  ...CLUSTER_VERBS,
  ...ACCESS_VERBS,
  ...AUDIT_VERBS,
  {
    name: 'explain',
    summary: 'explain an error code and its remedy',
    words: [{ form: '[code]', kind: 'code', description: 'error code (default: list all codes)' }],
    options: [],
    formats: [],
    examples: ['kvctl explain timeout'],
    isRemote: false,
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'completion',
    summary: 'print a completion script for your shell',
    words: [{ form: '<shell>', kind: 'shell', description: 'bash, zsh or fish', choices: SHELLS }],
    options: [],
    formats: [],
    examples: ['source <(kvctl completion bash)', 'kvctl completion fish | source'],
    isRemote: false,
    load: () => import('./commands/completion.ts'),
  },
  {
    name: 'shell',
    summary: 'open an interactive shell with history and completion (same as kvctl without a verb)',
    words: [],
    options: [],
    formats: [],
    examples: ['kvctl shell --url kv://127.0.0.1:7400'],
    isRemote: true,
    load: () => import('./commands/shell.ts'),
  },
];
