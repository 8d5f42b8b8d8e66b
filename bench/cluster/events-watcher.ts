/**
 * A process with watchers of some keys: `events-watcher.js URLS KEYS WATCHERS FIRST`. It tells its
 * parent when all have begun, and whenever it has been given as many events as it was asked for.
 */

import { bytes, connect, type Watch } from '../../src/index.ts';
import { keyNumbered } from './keys.ts';

const [urls = '', keys = '1', watchers = '1', first = '0'] = process.argv.slice(2);
/** So that streams that began at different positions have met. */
const MEETING_MILLISECONDS = 2500;

const kv = await connect(urls.split(','), { codec: bytes });
let given = 0;
let wanted = Number.POSITIVE_INFINITY;
const watches = Array.from({ length: Number(watchers) }, (_, at) => {
  const key = keyNumbered((Number(first) + at) % Number(keys));
  const watch = kv.watch({ key, initial: false, changesOnly: true });
  void follow(watch);
  return watch;
});
await Promise.all(watches.map((watch) => watch.sync({ timeout: 120_000 })));
await new Promise((resume) => setTimeout(resume, MEETING_MILLISECONDS));
process.on('message', (count) => {
  wanted = Number(count);
  tell();
});
process.once('disconnect', () => process.exit(0));
process.send?.('ready');

async function follow(watch: Watch<unknown>): Promise<void> {
  for await (const _event of watch) {
    given += 1;
    if (given >= wanted) tell();
  }
}

function tell(): void {
  if (given < wanted) return;
  wanted = Number.POSITIVE_INFINITY;
  process.send?.('given');
}
