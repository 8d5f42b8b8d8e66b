/**
 * Sessions of a web application: a session expires when it is idle, each request renews it, and a
 * sign-out ends it at once on all servers.
 *
 *     make up && node build/examples/session-store.js
 *
 * If a call fails with the outcome `unknown`, the write may have taken effect. Here that is
 * harmless. Sign-in: the session expires by itself. Renewal: only the end of the session is
 * uncertain. Sign-out: delete it again until that is acknowledged; a second delete changes nothing.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect } from 'ringkv';

const IDLE_MS = 3000; // Half an hour in real life.

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const sessions = kv.space<string>('session'); // A token: the user.

const signIn = (token: string, user: string) => sessions.set(token, user, { ttl: IDLE_MS });

/** The user of a request. A touch cannot bring back a session that was deleted meanwhile. */
async function authenticate(token: string): Promise<string> {
  const session = await sessions.get(token);
  return session && (await sessions.touch(token, IDLE_MS)) ? session.value : 'must sign in again';
}

const [ada, grace] = [randomUUID(), randomUUID()];
await signIn(ada, 'ada');
for (let request = 1; request <= 5; request++) {
  await sleep(700);
  console.log(`request ${request}: ${await authenticate(ada)}`);
}
const lastRequest = Date.now();
while (await sessions.get(ada)) await sleep(100);
console.log(`expired ${Date.now() - lastRequest} ms after the last request`);

await signIn(grace, 'grace');
await sessions.delete(grace);
console.log(`signed out: ${await authenticate(grace)}`);
await kv.close();
