/** Process namespaces as containers have them, where this system permits them. */

import { spawnSync } from 'node:child_process';

const UNSHARE = ['unshare', '--pid', '--fork', '--kill-child', '--mount-proc'] as const;

/** The command line in a namespace of its own; undefined, and told, where that is not permitted. */
export function inNamespace(command: readonly string[]): readonly string[] | undefined {
  const [program, ...args] = [...UNSHARE, 'true'];
  if (spawnSync(program, args).status === 0) return [...UNSHARE, ...command];
  console.error('NOT TESTED: process namespaces are not permitted here (unshare --pid)');
  return undefined;
}
