/** Dials a station and sends what a test wants: for contracts of the endpoints. */

import type { Door, Socket } from '../../src/transport/sockets.ts';
import type { CloseFrame } from '../../src/wire/close-reason.ts';
import type { NetworkUnderTest, Station } from './network-under-test.ts';

export interface Stranger {
  readonly socket: Socket;
  readonly frames: Uint8Array[];
  readonly closeReasons: CloseFrame[];
}

export async function dial(
  network: NetworkUnderTest,
  station: Station,
  { door, first }: { readonly door: Door; readonly first?: Uint8Array },
): Promise<Stranger> {
  const { sockets } = await network.place();
  const frames: Uint8Array[] = [];
  const closeReasons: CloseFrame[] = [];
  const socket = sockets.dial(
    { url: station.place.url, door },
    {
      onOpen: () => {
        if (first !== undefined) socket.send(first);
      },
      onFrame: (bytes) => frames.push(bytes),
      onClosed: (closeReason) => closeReasons.push(closeReason),
    },
  );
  return { socket, frames, closeReasons };
}
