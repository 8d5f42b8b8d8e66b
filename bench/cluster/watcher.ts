/** A process that watches everything, and throws it away. */

import { bytes, connect } from '../../src/index.ts';

const kv = await connect(process.argv.slice(2), { codec: bytes });
const watch = kv.watch({ initial: false, changesOnly: true });
await watch.sync();
process.send?.('ready');
process.once('disconnect', () => process.exit(0));
for await (const _event of watch);
