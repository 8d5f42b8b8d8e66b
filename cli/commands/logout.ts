/** `kvctl logout`: forgets the token that `login` has stored, and revokes that of a password. */

import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import type { Store } from '../store.ts';
import { forgetToken, storedTokenFor } from '../token-file.ts';

export async function run(call: Call): Promise<Exit> {
  const { terminal } = call;
  const store = await call.store();
  const token = storedTokenFor(store.urls);
  if (token === undefined) terminal.note(`no token is stored for ${store.urls.join(', ')}`);
  else await forget(call, store, token);
  await terminal.write('logged out\n');
  return EXIT.ok;
}

async function forget({ terminal }: Call, store: Store, token: string): Promise<void> {
  let isRevoked = false;
  try {
    const { isKnown, isLogin } = await store.access.selfBy(token);
    if (isKnown && isLogin) {
      await store.access.logout(token);
      isRevoked = true;
    }
  } finally {
    // Whatever the cluster answers, it is not to stay on this machine.
    const path = forgetToken(store.urls);
    const rest = isRevoked
      ? 'and revoked'
      : 'and not revoked: that is done by kvctl token revoke, or it ends by its time';
    terminal.note(`the token was removed from ${path}, ${rest}`);
  }
}
