/** Loaded into a node before all else: plants the bug that its environment names (test/planted). */

import { register } from 'node:module';
import { BUGS } from '../../planted/bugs.ts';
import { PLANT_HOOK } from '../../planted/plant-hook.ts';

const { NEMESIS_BUG } = process.env;
const bug = BUGS.find(({ name }) => name === NEMESIS_BUG);
if (bug === undefined) throw new RangeError(`no planted bug is called ${NEMESIS_BUG}`);
register(PLANT_HOOK, { data: bug });
