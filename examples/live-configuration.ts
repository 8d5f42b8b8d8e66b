/**
 * Configuration that running servers follow: each watches its settings and learns of every edit in
 * its order, also across failures of nodes. A server that starts gets the present settings first.
 *
 *     make up && node build/examples/live-configuration.js
 *
 * A watch goes on by itself when nodes fail; a server keeps the settings that it has meanwhile. An
 * edit with the outcome `unknown` may have taken effect. To make it again could undo what another
 * person has edited since, so read the settings first.
 */

import { connect } from 'ringkv';

type Settings = { readonly banner: string; readonly checkout: 'on' | 'off' };

const kv = await connect(process.env.RINGKV_URL ?? 'kv://127.0.0.1:7400');
const stored = kv.space<Settings>('settings');
const watch = stored.watch({ key: 'shop', changesOnly: true });

async function follow(): Promise<void> {
  for await (const event of watch) {
    if (event.type === 'set')
      console.log(`checkout ${event.value.checkout}: ${event.value.banner}`);
  }
}

/** Keeps edits that others make at the same time: if one comes first, the function runs again. */
async function edit(change: Partial<Settings>): Promise<void> {
  await stored.transaction(async (tx) => {
    const now = await tx.get('shop');
    tx.set('shop', { banner: '', checkout: 'off', ...now?.value, ...change });
  });
}

const following = follow();
await edit({ banner: 'welcome', checkout: 'on' });
await Promise.all([edit({ banner: 'back on Monday' }), edit({ checkout: 'off' })]);
await watch.sync(); // The loop has been given every edit that has returned.
await watch.close();
await following;
await kv.close();
