/**
 * Configuration that running servers follow. There is no watch yet, so each server polls and
 * applies what has a newer version. It may miss a change that is soon replaced, never the last one.
 *
 *     make up && node build/examples/live-configuration.js
 *
 * If a poll fails, the server keeps the settings that it has; a read changes nothing, so its
 * outcome does not matter. An edit with the outcome `unknown` may have taken effect. To make it
 * again could undo what another person has edited since, so read the settings first.
 */

import { setTimeout as sleep } from 'node:timers/promises';
import { connect, KvError } from 'ringkv';

type Settings = { readonly banner: string; readonly checkout: 'on' | 'off' };

const POLL_MS = 200;

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const stored = kv.space<Settings>('settings');

/** What this server works with, until it learns of something newer. */
const live = { version: 0, settings: { banner: '', checkout: 'off' } as Settings };

async function follow(name: string, signal: AbortSignal): Promise<void> {
  while (!signal.aborted) {
    try {
      // Any replica may answer a stale read, so many servers do not burden the leader.
      const entry = await stored.get(name, { read: { stale: { maxMs: 1000 } } });
      // This replica may be behind the last one that answered, so only a newer version counts.
      if (entry !== undefined && entry.version > live.version) {
        live.version = entry.version;
        live.settings = entry.value;
        console.log(`checkout ${live.settings.checkout}: ${live.settings.banner}`);
      }
    } catch (error) {
      if (!(error instanceof KvError)) throw error;
      console.error(`the settings may be out of date: ${error.message}`);
    }
    await sleep(POLL_MS);
  }
}

/** Keeps edits that others make at the same time: if one comes first, the function runs again. */
async function edit(name: string, change: Partial<Settings>): Promise<void> {
  await kv.transaction(async (tx) => {
    const now = await tx.in(stored).get(name);
    tx.in(stored).set(name, { banner: '', checkout: 'off', ...now?.value, ...change });
  });
}

async function untilLive(name: string): Promise<void> {
  const newest = await stored.get(name); // Linearizable: it sees every edit that has returned.
  while (live.version < (newest?.version ?? 0)) await sleep(POLL_MS);
}

const stop = new AbortController();
const following = follow('shop', stop.signal);

await edit('shop', { banner: 'welcome', checkout: 'on' });
await untilLive('shop');
await Promise.all([edit('shop', { banner: 'back on Monday' }), edit('shop', { checkout: 'off' })]);
await untilLive('shop');

stop.abort();
await following;
await kv.close();
