/**
 * A process that parses every module with its bug in it, and prints the names of those that do not
 * parse: such a bug would fail every test, and prove nothing. It is started with
 * `--experimental-vm-modules`, without which Node parses no module that it does not run.
 */

import { readFileSync } from 'node:fs';
import vm from 'node:vm';
import { compiledPath, plant } from './bug.ts';
import { BUGS } from './bugs.ts';

for (const bug of BUGS) {
  const text = readFileSync(`.${compiledPath(bug)}`, 'utf8');
  try {
    new vm.SourceTextModule(plant(bug, text));
  } catch (error) {
    console.log(`${bug.name}: ${error}`);
  }
}
