/** A client of a test cluster: the library on sockets in memory and on virtual time. */

import type { Random } from '../base/random.ts';
import type { Client } from '../client/client.ts';
import { connectBy } from '../client/connecting.ts';
import { WRONG_CLUSTER } from '../client/core/port.ts';
import type { Dial, Surroundings } from '../client/dial.ts';
import type { ConnectOptions } from '../client/options.ts';
import type { ClientSchedule, Ticks } from '../client/schedule.ts';
import { ClientConnection } from '../transport/client-connection.ts';
import type { MemoryNetwork } from './memory-network.ts';
import { processTime } from './process-time.ts';
import type { Pump } from './pump.ts';
import { bytesFrom } from './test-node.ts';
import type { VirtualTime } from './virtual-time.ts';

interface TestClientOptions {
  /** Its name on the network. */
  readonly name: string;
  readonly urls: readonly string[];
  readonly time: VirtualTime;
  readonly network: MemoryNetwork;
  readonly random: Random;
  readonly pump: Pump;
}

export function connectIn(options: TestClientOptions, how: ConnectOptions): Promise<Client> {
  return connectBy(surroundingsOf(options), options.urls, how);
}

function surroundingsOf(options: TestClientOptions): Surroundings {
  const { name, time, network, random } = options;
  const timers = processTime(time, () => true);
  const dial: Dial = (url, { onUp, onFrame, onDown }, cluster, token) =>
    new ClientConnection({
      sockets: network.host(name),
      schedule: timers,
      url,
      cluster,
      token,
      features: [],
      onEvent: (event) => {
        if (event.type === 'up') onUp(event.hello);
        else if (event.type === 'frame') onFrame(event.bytes);
        else onDown(event.isForeign ? WRONG_CLUSTER : event.reason);
      },
    });
  return {
    dial,
    now: () => time.now,
    secureBytes: (length) => bytesFrom(random, length),
    schedule: scheduleOf(options),
  };
}

function scheduleOf({ time, pump }: TestClientOptions): ClientSchedule {
  const timers = processTime(time, () => true);
  return {
    // A turn of the event loop, as in a real process: calls of one turn share a frame.
    soon: (run) => {
      setImmediate(() => {
        run();
        pump.wake();
      });
    },
    ticks: ({ milliseconds, onTick }): Ticks => {
      let stop: (() => void) | undefined;
      return {
        start: () => {
          stop ??= timers.every(milliseconds, onTick);
        },
        stop: () => {
          stop?.();
          stop = undefined;
        },
        arrived: () => {},
      };
    },
    after: (kind, milliseconds, run) => {
      let isOver = false;
      const endRest = kind === 'rest' ? pump.rest() : () => {};
      const cancel = () => {
        isOver = true;
        endRest();
      };
      time.after(milliseconds, () => {
        if (isOver) return;
        cancel();
        run();
      });
      return cancel;
    },
  };
}
