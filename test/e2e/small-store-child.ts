/**
 * A program that opens a folder, writes to it and closes it, and prints the processor time that
 * opening took, as a share of what it took to load the code: machines differ by that much.
 */

const loading = process.cpuUsage();
const { open } = await import('../../src/index.ts');
await import('../../src/runtime/embedded.ts');
const loaded = process.cpuUsage(loading);

const [folder = '', writes = '0', bytes = '100'] = process.argv.slice(2);
const before = process.cpuUsage();
const kv = await open(folder);
const { user, system } = process.cpuUsage(before);
const value = 'v'.repeat(Number(bytes));
for (let at = 0; at < Number(writes); at += 100) {
  const keys = Array.from({ length: 100 }, (_, offset) => ['key', (at + offset) % 1000]);
  await Promise.all(keys.map((key) => kv.set(key, `${value}${at}`)));
}
await kv.close();
console.log((user + system) / (loaded.user + loaded.system));
