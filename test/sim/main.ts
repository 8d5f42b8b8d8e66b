/** The command line of the simulator: `node build/test/sim/main.js --seeds=150 --profile=raft`. */

import { runSeeds } from './campaign.ts';
import { optionsFrom } from './options.ts';

process.exitCode = runSeeds(optionsFrom(process.argv.slice(2)));
