/** `kvctl login`: a token, or a password that is exchanged for one, is stored for the URLs. */

import type { Call } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { CliFailure, reportOf, usageFailure } from '../failure.ts';
import { durationOption, textOption } from '../options.ts';
import { askUnseen, readPassword } from '../password-input.ts';
import type { Store } from '../store.ts';
import { storeToken } from '../token-file.ts';

const KNOWN_MILLISECONDS = 2000;
const REST_MILLISECONDS = 100;
const OF_PASSWORD = ['passwordFile', 'ttl', 'scope', 'insecure'];

export async function run(call: Call): Promise<Exit> {
  const { terminal, options } = call;
  const user = textOption(options, 'user');
  const alone = OF_PASSWORD.find((name) => options[name] !== undefined);
  if (user === undefined && alone !== undefined) {
    throw usageFailure(
      'without --user, kvctl login reads a token, and no other option applies',
      'name the user: kvctl login --user NAME',
    );
  }
  const store = await call.store();
  const token = user === undefined ? await readToken(call) : await exchange(call, store, user);
  const { isKnown, isEnabled, ...self } = await selfOf(store, token, user !== undefined);
  if (!isKnown) {
    throw new CliFailure({
      code: 'unauthenticated',
      exit: EXIT.denied,
      message: 'the cluster does not know the token, or it is revoked or expired',
      hint: 'nothing was stored; an administrator makes tokens: kvctl token create',
    });
  }
  const path = storeToken(store.urls, token);
  const not = isEnabled ? '' : '; access control is not enabled';
  const until = user === undefined ? '' : ` until ${new Date(self.expiresAt).toISOString()}`;
  await terminal.write(`${self.user}\n`);
  terminal.note(`you are ${self.user} at ${store.urls.join(', ')}${until}${not} (${path})`);
  return EXIT.ok;
}

async function readToken(call: Call): Promise<string> {
  const isAsked = call.dialogue !== undefined;
  const text = isAsked
    ? await askUnseen(call, 'token (it is not shown):')
    : new TextDecoder().decode(await call.input());
  return text.trim();
}

async function exchange(call: Call, store: Store, user: string): Promise<string> {
  const { options } = call;
  const password = await readPassword(call, { isNew: false });
  const ttl = durationOption(options, 'ttl');
  const scope = textOption(options, 'scope')?.split(',');
  try {
    const { token } = await store.access.login({
      user,
      password,
      ...(ttl === undefined ? {} : { ttl }),
      ...(scope === undefined ? {} : { scope }),
      isInsecure: options.insecure === true,
    });
    return token;
  } catch (error) {
    const { code, exit, message } = reportOf(error);
    if (code !== 'unauthenticated') throw error;
    const hint = `try again; an administrator sets another one: kvctl user password ${user}`;
    throw new CliFailure({ code, exit, message, hint });
  }
}

/** Another node than the one that made the token learns of it within a heartbeat. */
async function selfOf(store: Store, token: string, isNew: boolean) {
  const until = Date.now() + (isNew ? KNOWN_MILLISECONDS : 0);
  for (;;) {
    const self = await store.access.selfBy(token);
    if (self.isKnown || Date.now() >= until) return self;
    await new Promise((resume) => setTimeout(resume, REST_MILLISECONDS));
  }
}
