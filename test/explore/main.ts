/** `make explore`: every reachable state of a small Raft world, on the real core. */

import { register } from 'node:module';
import { OPEN_HOOK } from './open-hook.ts';

register(OPEN_HOOK);

const { run } = await import('./run.ts');
process.exitCode = run(process.argv.slice(2));
