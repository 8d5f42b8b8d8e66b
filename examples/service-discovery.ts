/**
 * Service discovery: each instance of a service has a key that hangs on a lease, so the key goes
 * with the instance, also if that crashes. Each client has a live copy of the list, and asks no
 * server when it looks for an instance.
 *
 *     make up && node build/examples/service-discovery.js
 *
 * If an instance cannot register, with whatever outcome, its lease ends by itself, and the key with
 * it: `unknown` only means that clients may call the instance until then.
 */

import { connect } from 'ringkv';

const url = process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400';
const kv = await connect(url);
const instances = kv.space<string>('service').view();
await instances.ready;

/** Another process. It keeps its lease alive until it ends. */
async function start(name: string, address: string) {
  const own = await connect(url);
  const lease = await own.lease({ ttl: 2000 });
  await own.space<string>('service').set(name, address, { lease });
  return { stop: () => lease.release(), crash: () => own.close() };
}

/** A client: calls any instance of the copy, and here also tells of each change. */
async function follow(): Promise<void> {
  let known = 0; // The copy itself may be further.
  for await (const change of instances.changes()) {
    if (change.type === 'set') console.log(`${change.key} is at ${change.value}`);
    else if (change.type !== 'reset') console.log(`${change.key} is gone`);
    known += change.type === 'set' ? 1 : -1;
    if (known === 0) return;
  }
}

const following = follow();
const first = await start('mail-1', '10.0.0.1:25');
const second = await start('mail-2', '10.0.0.2:25');
await instances.sync(); // Everything that was acknowledged is in the copy.
console.log(`calls go to ${[...instances.keys()].join(' and ')}`);
await first.stop();
await second.crash();
await following;
console.log('no instance is left');
await kv.close();
