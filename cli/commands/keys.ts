/** `kvctl keys`: prints keys in order, without values. */

import type { Call } from '../call.ts';
import type { Exit } from '../exit-codes.ts';
import { run as scan } from './scan.ts';

export function run(call: Call): Promise<Exit> {
  return scan({ ...call, options: { ...call.options, keys: true } });
}
