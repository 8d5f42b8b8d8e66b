/** Dialling by WebSocket: the surroundings of a client in a real process. */

import { monotoneNow, secureBytes } from '../base/ambient.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import { TIMERS } from '../transport/timers.ts';
import { WebDialler } from '../transport/web-dialler.ts';
import { WRONG_CLUSTER } from './core/port.ts';
import type { Dial, Surroundings } from './dial.ts';

/** Created at the first connection: importing the library has no effects. */
export function webSurroundings(): Surroundings {
  const sockets = new WebDialler();
  const dial: Dial = (url, { onUp, onFrame, onDown }, cluster) =>
    new ClientConnection({
      sockets,
      schedule: TIMERS,
      url,
      cluster,
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
  return { dial, now: monotoneNow, secureBytes };
}
