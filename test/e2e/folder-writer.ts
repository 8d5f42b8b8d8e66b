/**
 * A program with an embedded store: `write` sets keys as fast as it can and prints what is
 * acknowledged, `check` reads all given keys and prints what is missing.
 */

import { KvError, open } from '../../src/index.ts';

const AT_ONCE = 16;
const [mode = '', folder = '', count = '0'] = process.argv.slice(2);

try {
  const kv = await open(folder);
  console.log('open');
  if (mode === 'write') {
    for (let first = 0; ; first += AT_ONCE) {
      const numbers = Array.from({ length: AT_ONCE }, (_, nth) => first + nth);
      await Promise.all(numbers.map((number) => kv.set(`key:${number}`, number)));
      console.log(`acked ${first + AT_ONCE}`);
    }
  }
  let missing = 0;
  for (let number = 0; number < Number(count); number++) {
    if ((await kv.get(`key:${number}`))?.value !== number) missing += 1;
  }
  console.log(`missing ${missing}`);
  await kv.close();
} catch (error) {
  if (!(error instanceof KvError)) throw error;
  console.log(`refused ${error.code} ${error.outcome} ${error.message}`);
  process.exit(3);
}
