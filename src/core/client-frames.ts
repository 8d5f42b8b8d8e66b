/** What clients ask: frame by frame, request by request. */

import { NODE_LIMITS } from '../base/limits.ts';
import type { Router } from '../router/router.ts';
import type { Origin } from '../shard/origin.ts';
import { decodeRequests, type Request } from '../wire/request.ts';
import type { Failure } from '../wire/response.ts';
import type { Clients } from './clients.ts';

interface ClientFramesOptions {
  readonly clients: Clients;
  readonly router: Router;
  /** It speaks something else: it is cut off. */
  readonly onStranger: (connection: number) => void;
}

export class ClientFrames {
  readonly #options: ClientFramesOptions;

  constructor(options: ClientFramesOptions) {
    this.#options = options;
  }

  take(connection: number, bytes: Uint8Array): void {
    const { clients, router, onStranger } = this.#options;
    const client = clients.get(connection);
    if (client === undefined) return;
    const requests = decodeRequests(bytes);
    if (requests === undefined || requests.some(({ id }) => id === 0)) {
      clients.remove(connection);
      return onStranger(connection);
    }
    for (const request of requests) {
      const shard = 'shard' in request ? request.shard : undefined;
      const isFull = client.isFullFor(shard);
      client.begin(request.id, shard);
      if (isFull) refuse(client, request, 'overloaded');
      else router.route(request, { origin: client, isForwarded: false });
    }
  }
}

function refuse(origin: Origin, { id }: Request, failure: Failure): void {
  const retryAfterMilliseconds = failure === 'overloaded' ? NODE_LIMITS.beatMilliseconds : 0;
  origin.respond({ type: 'failed', id, failure, time: 0, leader: 0, retryAfterMilliseconds });
}
