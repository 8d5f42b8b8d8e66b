/**
 * Sessions of a web application: a session expires when it is idle, each request renews it, and a
 * sign-out ends it at once on all servers.
 *
 *     make up && node build/examples/session-store.js
 *
 * If a call fails with the outcome `unknown`, the write may have taken effect. Here that is
 * harmless. Sign-in: the token was never handed out, and the session behind it expires by itself.
 * Renewal: the session was there a moment ago, only its end is uncertain. Sign-out: delete it again
 * until that is acknowledged, since a second delete changes nothing.
 */

import { randomUUID } from 'node:crypto';
import { setTimeout as sleep } from 'node:timers/promises';
import { connect, KvError } from 'ringkv';

type Session = { readonly user: string };

const IDLE_MS = 3000; // Half an hour in real life.

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const sessions = kv.space<Session>('session');

async function signIn(user: string): Promise<string> {
  const token = randomUUID();
  await sessions.set(token, { user }, { ttl: IDLE_MS });
  return token;
}

/** The user of a request; undefined if there is no session. */
async function authenticate(token: string): Promise<string | undefined> {
  const session = await sessions.get(token);
  if (session === undefined) return undefined;
  const { user } = session.value;
  try {
    // A touch cannot bring back a session that was deleted after the read: it says so instead.
    return (await sessions.touch(token, IDLE_MS)) ? user : undefined;
  } catch (error) {
    if (error instanceof KvError) return user;
    throw error;
  }
}

const ada = await signIn('ada');
for (let request = 1; request <= 5; request++) {
  await sleep(700);
  console.log(`request ${request}: ${await authenticate(ada)}`);
}

const lastRequest = Date.now();
await authenticate(ada);
while ((await sessions.get(ada)) !== undefined) await sleep(100);
console.log(`expired ${Date.now() - lastRequest} ms after the last request`);

const grace = await signIn('grace');
await sessions.delete(grace);
console.log(`signed out: ${(await authenticate(grace)) ?? 'must sign in again'}`);

await kv.close();
