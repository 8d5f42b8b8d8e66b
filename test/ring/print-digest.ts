/** The other process of the determinism test. */

import { digests } from './digest.ts';

console.log(JSON.stringify(digests(Number(process.argv[2]))));
