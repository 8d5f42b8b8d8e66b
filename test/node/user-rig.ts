/** The frames of several clients of users with limits, at one node without its surroundings. */

import { NO_ACCESS } from '../../src/access/access-table.ts';
import type { LimitedUser, UserLimits } from '../../src/access/user-limits.ts';
import { UNLIMITED } from '../../src/access/user-limits.ts';
import { ClientFrames } from '../../src/node/client-frames.ts';
import { Clients } from '../../src/node/clients.ts';
import type { NodeState } from '../../src/node/node-state.ts';
import type { Requests } from '../../src/node/requests.ts';
import type { Source } from '../../src/node/router.ts';
import { FairQueue } from '../../src/shard/fair-queue.ts';
import type { Transport } from '../../src/transport/transport.ts';
import { encodeRequests, type Request } from '../../src/wire/request.ts';
import { decodeResponses, type Response } from '../../src/wire/response.ts';

export class UserRig {
  now = 0;
  /** The connection of each routed request, in order. */
  readonly routed: number[] = [];
  readonly answers: Response[] = [];
  readonly fair = new FairQueue({ onWork: () => {} });
  readonly clients: Clients;
  readonly #frames: ClientFrames;
  /** What becomes of a routed request. */
  onRoute: (request: Request, source: Source) => void = () => {};

  constructor() {
    const transport = {
      sendToClient: (_: number, bytes: Uint8Array) => {
        this.answers.push(...(decodeResponses(bytes) ?? []));
        return true;
      },
      bufferedToClient: () => 0,
      closeClient: () => {},
      listenToClient: () => {},
    } as unknown as Transport;
    this.clients = new Clients(transport, () => {}, { now: () => this.now, tell() {} });
    const maps = { clientBytes: new Uint8Array() };
    const node = { clients: this.clients, fair: this.fair, maps, transport, mention() {} };
    const route = (request: Request, source: Source) => {
      this.routed.push((source.responder as { readonly connection?: number }).connection ?? 0);
      this.onRoute(request, source);
    };
    const requests = { route } as unknown as Requests;
    this.#frames = new ClientFrames({ node: node as unknown as NodeState, requests });
  }

  /** A client of that user has connected. */
  connect(connection: number, user: string, limits: Partial<UserLimits> = {}): void {
    const limited: readonly LimitedUser[] = [{ ...UNLIMITED, ...limits, user }];
    const use = this.clients.users.of(user, { ...NO_ACCESS, isEnabled: true, limited });
    const client = this.clients.add(connection);
    this.fair.regroup(client.share, use.group);
    client.countFor(use);
  }

  /** One frame, which waits for a turn. */
  send(connection: number, ...requests: readonly Request[]): void {
    this.#frames.take(connection, encodeRequests(requests));
  }

  /** The responses that have left since the last turn. */
  turn(): readonly Response[] {
    const before = this.answers.length;
    this.fair.tick();
    this.fair.beginTurn();
    this.fair.work();
    this.fair.endTurn();
    this.clients.flush();
    return this.answers.slice(before);
  }
}
