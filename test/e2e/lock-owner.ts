/** A process that takes a lock and a lease, for tests that kill it: urls, ttl in milliseconds. */

import { connect } from '../../src/index.ts';

const [urls = '', ttl = '5000'] = process.argv.slice(2);

const kv = await connect(urls);
const lock = await kv.lock('cron', { ttl: Number(ttl), note: 'the first owner' });
const lease = await kv.lease({ ttl: Number(ttl), note: 'an instance' });
await kv.set('instance', process.pid, { lease });
console.log(String(lock.fence));
