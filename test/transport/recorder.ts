/** A listener that keeps the events of a transport, and checks that up and down alternate. */

import assert from 'node:assert/strict';
import type { TransportEvent } from '../../src/transport/transport.ts';

type EventOf<T extends TransportEvent['type']> = Extract<TransportEvent, { readonly type: T }>;

export class Recorder {
  readonly events: TransportEvent[] = [];
  readonly #up = new Set<string>();
  readonly #clients = new Set<number>();
  /** Set around calls: no event may be emitted inside one. */
  #isCalling = false;

  readonly onEvent = (event: TransportEvent): void => {
    assert.ok(!this.#isCalling, `${event.type} came from inside a call`);
    if ('lane' in event) {
      const lane = `${event.node} ${event.lane}`;
      assert.equal(this.#up.has(lane), event.type !== 'peer-up', `${event.type} of ${lane}`);
      if (event.type === 'peer-up') this.#up.add(lane);
      if (event.type === 'peer-down') this.#up.delete(lane);
    }
    if ('connection' in event) {
      const { connection } = event;
      assert.equal(this.#clients.has(connection), event.type !== 'client-up', event.type);
      if (event.type === 'client-up') this.#clients.add(connection);
      if (event.type === 'client-down') this.#clients.delete(connection);
    }
    this.events.push(event);
  };

  /** Runs a call on the transport: it may emit no event. */
  call<T>(work: () => T): T {
    this.#isCalling = true;
    try {
      return work();
    } finally {
      this.#isCalling = false;
    }
  }

  /** A peer that is taken off the list goes without an event. */
  forgetPeer(node: number): void {
    for (const lane of ['main', 'bulk']) this.#up.delete(`${node} ${lane}`);
  }

  of<T extends TransportEvent['type']>(type: T): EventOf<T>[] {
    return this.events.filter((event): event is EventOf<T> => event.type === type);
  }

  isUp(node: number, lane: string): boolean {
    return this.#up.has(`${node} ${lane}`);
  }
}
