/** The map of the cluster: fetched at first contact, and again when it seems to be old. */

import type { Random } from '../../base/random.ts';
import { CLIENT_LIMITS } from '../limits.ts';
import { Attempts } from './attempts.ts';
import type { Connection, Connections } from './connections.ts';
import type { Routing } from './routing.ts';

interface MapSourceOptions {
  readonly urls: readonly string[];
  readonly routing: Routing;
  readonly connections: Connections;
  readonly random: Random;
}

export class MapSource {
  readonly #options: MapSourceOptions;
  /** The latest failures of connections. */
  readonly attempts = new Attempts();
  #isWanted = true;
  /** The connection that was asked and has not answered. */
  #asked: Connection | undefined;
  #askedAt = Number.NEGATIVE_INFINITY;
  #dialledAt = Number.NEGATIVE_INFINITY;
  /**
   * Those that had no newer map when one was wanted. If all are in here, they may be cut off from a
   * cluster that has moved on, and another node has to be found.
   */
  #unhelpful = new Set<Connection>();
  #turn: number;

  constructor(options: MapSourceOptions) {
    this.#options = options;
    this.#turn = options.random.below(options.urls.length);
  }

  want(): void {
    this.#isWanted = true;
  }

  /** Asks a connection that is up, one at a time and not too often; dials if none is or helps. */
  ask(now: number): void {
    const { connections } = this.#options;
    const connection = connections.any((one) => !this.#unhelpful.has(one)) ?? connections.any();
    if (connection === undefined) return this.#dialNext(now);
    const isTooSoon = now - this.#askedAt < CLIENT_LIMITS.mapMilliseconds;
    if (!this.#isWanted || this.#asked !== undefined || isTooSoon) return;
    if (this.#unhelpful.has(connection)) this.#dialNext(now);
    this.#askedAt = now;
    this.#asked = connection;
    this.askAt(connection);
  }

  /** Also the probe for a node that is silent. */
  askAt(connection: Connection): void {
    const { connections, routing } = this.#options;
    const knownVersion = routing.map?.version ?? 0;
    const id = connection.nextId++;
    connections.post(connection, { type: 'map', id, knownVersion }, undefined);
  }

  take(map: Uint8Array, connection: Connection): void {
    if (this.#options.routing.take(map)) this.#unhelpful.clear();
    else this.#unhelpful.add(connection);
    this.#end();
  }

  /** The node has no newer map. It may only have been probed. */
  takeNone(connection: Connection): void {
    if (this.#isWanted) this.#unhelpful.add(connection);
    this.#end();
  }

  lose(connection: Connection, what: string): void {
    this.attempts.note({ endpoint: connection.name, what });
    if (this.#asked === connection) this.#asked = undefined;
    this.#unhelpful.delete(connection);
    this.#isWanted = true;
  }

  #end(): void {
    this.#asked = undefined;
    if (this.#options.routing.map !== undefined) this.#isWanted = false;
  }

  /** The urls of the options and of the map in turn. None waits for a slow or a failed one. */
  #dialNext(now: number): void {
    const { connections, routing, urls } = this.#options;
    const isTooSoon = now - this.#dialledAt < CLIENT_LIMITS.nextDialMilliseconds;
    if (isTooSoon && connections.dials.length > 0) return;
    const known = [...urls, ...(routing.map?.nodes.map(({ clientUrl }) => clientUrl) ?? [])];
    const dialling = new Set(connections.dials.map(({ url }) => url));
    for (let step = 0; step < known.length; step++) {
      this.#turn = (this.#turn + 1) % known.length;
      const url = known[this.#turn] as string;
      if (dialling.has(url) || !connections.dial(url, now)) continue;
      this.#dialledAt = now;
      return;
    }
  }
}
