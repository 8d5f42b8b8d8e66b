/** A program that deletes the keys of a store one by one, and prints a line after each. */

import { open } from '../../src/index.ts';

const [folder = '', from = '0'] = process.argv.slice(2);
const kv = await open(folder);
for (let number = Number(from); ; number++) {
  await kv.delete(`key:${number}`);
  console.log(`deleted ${number}`);
}
