/** `kvctl init`: runs a node that founds a cluster. */

import type { Call } from '../call.ts';
import type { Exit } from '../exit-codes.ts';
import { run as start } from './start.ts';

export function run(call: Call): Promise<Exit> {
  return start({ ...call, options: { ...call.options, init: true } });
}
