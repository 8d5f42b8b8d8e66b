/** All verbs of kvctl. What they do is loaded when they are called. */

import { CLUSTER_VERBS } from './cluster-verbs.ts';
import { DATA_VERBS } from './data-verbs.ts';
import { SHELLS, type Verb } from './verb.ts';

export const VERBS: readonly Verb[] = [
  ...DATA_VERBS,
  ...CLUSTER_VERBS,
  {
    name: 'explain',
    summary: 'what an error code means, and what to do',
    words: [{ form: '[code]', kind: 'code', description: 'as an error names it; none: all codes' }],
    options: [],
    formats: [],
    examples: ['kvctl explain timeout'],
    isRemote: false,
    load: () => import('./commands/explain.ts'),
  },
  {
    name: 'completion',
    summary: 'a script that completes verbs and options in your shell',
    words: [{ form: '<shell>', kind: 'shell', description: 'bash, zsh or fish', choices: SHELLS }],
    options: [],
    formats: [],
    examples: ['source <(kvctl completion bash)', 'kvctl completion fish | source'],
    isRemote: false,
    load: () => import('./commands/completion.ts'),
  },
  {
    name: 'shell',
    summary: 'verbs line by line, with history and completion (also: kvctl alone)',
    words: [],
    options: [],
    formats: [],
    examples: ['kvctl shell --url kv://127.0.0.1:7400'],
    isRemote: true,
    load: () => import('./commands/shell.ts'),
  },
];
