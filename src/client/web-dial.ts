/** Dialling by WebSocket: the surroundings of a client in a real process. */

import { monotoneNow, secureBytes, wallNow } from '../base/ambient.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import { LOOSE_TIMERS } from '../transport/timers.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { isEncrypted } from './addresses.ts';
import { WRONG_CLUSTER } from './core/port.ts';
import type { Dial, Surroundings } from './dial.ts';
import { type TlsOptions, tlsOf } from './options.ts';

/**
 * Created at the first connection: importing the library has no effects. Only the ticks of the
 * engine, which run while something is open, keep the process from ending: so a program that
 * forgets to close its client ends all the same.
 */
export function webSurroundings(
  urls: string | readonly string[],
  options: { readonly tls?: TlsOptions },
): Surroundings {
  const tls = tlsOf(options.tls, isEncrypted(urls));
  const sockets = new WebDialler({ holdsProcess: false, tls: tls && (() => tls) });
  const dial: Dial = (url, { onUp, onFrame, onDown }, cluster, token) =>
    new ClientConnection({
      sockets,
      schedule: LOOSE_TIMERS,
      url,
      cluster,
      token,
      features: [],
      onEvent: (event) => {
        switch (event.type) {
          case 'up':
            return onUp(event.hello);
          case 'frame':
            return onFrame(event.bytes);
          case 'down':
            return onDown(event.isForeign ? WRONG_CLUSTER : event.reason);
        }
      },
    });
  return { dial, now: monotoneNow, wallNow, secureBytes };
}
