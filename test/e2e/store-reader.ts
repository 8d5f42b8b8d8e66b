/** A process that opens a store and reads all of it: prints the result as a line of JSON. */

import { readStore } from './read-store.ts';

const [folder = '', rows = '0'] = process.argv.slice(2);
process.stdout.write(JSON.stringify(await readStore(folder, Number(rows))));
