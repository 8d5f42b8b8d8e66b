/** A client with leases and locks, by raw requests: it asks again until an answer comes. */

import { randomBytes } from 'node:crypto';
import { decodeMap } from '../../src/catalog/map-bytes.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { LeaseReference, Operation } from '../../src/machine/command.ts';
import {
  decodeLeaseListing,
  decodeTicketListing,
  type LeaseListing,
  type TicketListing,
} from '../../src/machine/coordination-listing.ts';
import { decodeReply, type Output, type Reply } from '../../src/machine/reply.ts';
import type { NodeInfo } from '../../src/node/status.ts';
import type { Request } from '../../src/wire/request.ts';
import type { Response } from '../../src/wire/response.ts';
import { RawClient } from './raw-client.ts';

/** The first shard of users' data. */
export const SHARD = 1;
const NO_BYTES = new Uint8Array();
const PATIENCE = 60_000;

type Of<T extends Response['type']> = Extract<Response, { type: T }>;
/** A request without its id and address. */
type Body = { readonly type: Request['type'] } & Readonly<Record<string, unknown>>;

export class LeaseClient {
  readonly id = new Uint8Array(randomBytes(16));
  #raw: RawClient;
  #epoch = 0;
  #next = 1;
  #sequence = 0;
  /** Log time when the client heard of it, and the local clock then. */
  #time = { log: 0, local: 0 };
  readonly #heard = new Map<number, Response>();

  constructor(raw: RawClient) {
    this.#raw = raw;
    raw.onResponse = (response) => this.#heard.set(response.id, response);
  }

  static async open(port: number): Promise<LeaseClient> {
    const client = new LeaseClient(await RawClient.open(port));
    await client.#learn();
    return client;
  }

  /** Goes on at another node. */
  async move(port: number): Promise<void> {
    this.end();
    this.#raw = await RawClient.open(port);
    this.#raw.onResponse = (response) => this.#heard.set(response.id, response);
    await this.#learn();
  }

  end(): void {
    this.#raw.end();
  }

  /** Whether its node leads the shard, and has replicas that all have so many voters. */
  async isAtLeader({ voters }: { readonly voters: number }): Promise<boolean> {
    const { replicas } = await this.info();
    const isWhole = replicas.length > SHARD && replicas.every((one) => one.voters === voters);
    return isWhole && replicas.some(({ shard, role }) => shard === SHARD && role === 'leader');
  }

  async info(): Promise<NodeInfo> {
    const { text } = await this.#ask<'info'>({ type: 'info' });
    return JSON.parse(new TextDecoder().decode(text));
  }

  /** One command of these operations: all copies that are sent have the same bytes. */
  async do(...operations: readonly Operation[]): Promise<Reply> {
    this.#sequence += 1;
    const passed = Date.now() - this.#time.local;
    const deadline = Math.floor(this.#time.log + passed + PATIENCE);
    const about = { client: this.id, deadline, sequence: this.#sequence };
    const batch = encodeBatch({ ...about, commands: [operations] });
    for (;;) {
      const { replies } = await this.#ask<'written'>({ type: 'write', batch });
      const reply = replies[0] && decodeReply(replies[0]);
      if (reply === undefined) throw new Error('the node sent no reply');
      // A new shard has not adopted its arc yet.
      if (reply.type !== 'refused' || reply.reason !== 'wrong-epoch') return reply;
      await pause();
    }
  }

  /** The output of the only operation. */
  async output(operation: Operation): Promise<Output> {
    const reply = await this.do(operation);
    const [output] = reply.type === 'done' ? reply.outputs : [];
    if (output === undefined) throw new Error(`it got ${JSON.stringify(reply)}`);
    return output;
  }

  async keep(...leases: readonly LeaseReference[]): Promise<readonly Uint8Array[]> {
    const ids = leases.map(({ id }) => id);
    return (await this.#ask<'kept'>({ type: 'keep', leases: ids })).ended;
  }

  /** Once it owns its lock: its token. 0 if it is gone. */
  async fenceOf(name: string, ticket: number): Promise<number> {
    const about = { name: new TextEncoder().encode(name), ticket, patienceMilliseconds: 2000 };
    for (;;) {
      const answer = await this.#ask<'ticket'>({ type: 'await-ticket', ...about });
      if (answer.position === 0) return answer.fence;
    }
  }

  async tickets(): Promise<readonly TicketListing[]> {
    const { rows } = await this.#list('tickets');
    return rows.flatMap((row) => decodeTicketListing(row) ?? []);
  }

  async leases(): Promise<readonly LeaseListing[]> {
    const { rows } = await this.#list('leases');
    return rows.flatMap((row) => decodeLeaseListing(row) ?? []);
  }

  #list(what: 'leases' | 'tickets'): Promise<Of<'listed'>> {
    return this.#ask<'listed'>({ type: 'coordination', what, after: NO_BYTES, rowsMax: 512 });
  }

  async #learn(): Promise<void> {
    // A node that has just started has no map yet.
    while (this.#epoch === 0) {
      const { map } = await this.#ask<'map'>({ type: 'map', knownVersion: 0 });
      this.#epoch = decodeMap(map, undefined)?.shards[SHARD]?.epoch ?? 0;
      if (this.#epoch === 0) await pause();
    }
    const { time } = await this.#list('leases');
    this.#time = { log: time, local: Date.now() };
  }

  /** Again and again, while the shard has no leader. */
  async #ask<T extends Response['type']>(body: Body): Promise<Of<T>> {
    for (;;) {
      const id = this.#next;
      this.#next += 1;
      this.#raw.send({ id, shard: SHARD, epoch: this.#epoch, ...body } as unknown as Request);
      await this.#raw.until(() => this.#heard.has(id));
      const response = this.#heard.get(id) as Response;
      this.#heard.delete(id);
      if (response.type !== 'failed') return response as Of<T>;
      await pause();
    }
  }
}

export function pause(milliseconds = 50): Promise<void> {
  return new Promise((resume) => setTimeout(resume, milliseconds));
}
