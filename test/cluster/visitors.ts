/**
 * Users that come and go in a simulated cluster with access control: each writes as long as it can,
 * and its rights are taken away while it does. Behind the adopted revocation nothing succeeds.
 */

import { credentialOf, TOKEN_BYTES } from '../../src/access/token.ts';
import type { Random } from '../../src/base/random.ts';
import { CATALOG_SHARD, type ClusterMap } from '../../src/catalog/cluster-map.ts';
import { type CatalogCommand, decodeReply, encodeCommand } from '../../src/catalog/command.ts';
import type { Responder } from '../../src/shard/responder.ts';
import { SimFailure } from '../sim/failure.ts';
import { bytesOf, Customer, type WriteRecord } from './customer.ts';
import type { Growth } from './growth.ts';
import type { Surroundings } from './surroundings.ts';

interface VisitorsOptions {
  readonly surroundings: Surroundings;
  readonly random: Random;
  readonly growth: Growth;
  readonly urls: readonly string[];
  readonly writes: WriteRecord[];
}

/** The numbers of customers that are visitors. */
const NUMBER_MIN = 1000;
const REVOKED_MILLISECONDS = 2000;

interface Visit {
  readonly customer: Customer;
  /** Every data shard has adopted the end of its rights. */
  confirmedAt: number | undefined;
}

export class Visitors {
  readonly #options: VisitorsOptions;
  readonly customers: Customer[] = [];
  #isStopping = false;

  constructor(options: VisitorsOptions) {
    this.#options = options;
  }

  /** Access control is enabled, and the first one comes. */
  begin(): void {
    const { surroundings } = this.#options;
    const token = rowOf(ROOT_TOKEN, 'root');
    this.#say({ type: 'enable-access', token, isForced: true }, () => {
      surroundings.probes.hit('access control was enabled');
      this.#admit();
    });
  }

  /** No other one comes, and those that are there end. */
  stop(): void {
    this.#isStopping = true;
    for (const customer of this.customers) customer.isStopping = true;
  }

  #admit(): void {
    const { surroundings, urls, writes, random } = this.#options;
    if (this.#isStopping) return;
    const number = NUMBER_MIN + this.customers.length;
    const name = `visitor-${number}`;
    const token = new Uint8Array(TOKEN_BYTES).map(() => random.below(256));
    this.#say({ type: 'put-user', user: { name, roles: ['writer'] } }, () => {
      this.#say({ type: 'put-token', token: rowOf(token, name) }, () => {
        if (this.#isStopping) return;
        const customer = new Customer({ number, surroundings, urls, writes, token });
        customer.working = 1;
        this.customers.push(customer);
        const visit: Visit = { customer, confirmedAt: undefined };
        this.#write(visit, 0);
        surroundings.agenda.after(random.between(300, 4000), () => this.#revoke(visit, name));
      });
    });
  }

  /** One key after the other, so each write shows when it was executed. */
  #write(visit: Visit, count: number): void {
    const { customer } = visit;
    const { surroundings, random } = this.#options;
    if (customer.isStopping) {
      customer.working -= 1;
      return;
    }
    const key = bytesOf(`visit/${customer.number}/${count}`);
    const set = { type: 'set', key, value: key, lifeMilliseconds: 0 } as const;
    customer.write([set], ({ invoke, outcome }) => {
      const { confirmedAt = Number.POSITIVE_INFINITY } = visit;
      if (outcome === 'ok' && invoke > confirmedAt) {
        const message = `user ${customer.number} wrote after its rights had been taken away`;
        throw new SimFailure('access', message, { time: surroundings.agenda.now });
      }
      if (outcome === 'ok') surroundings.probes.hit('a visitor wrote');
      if (outcome === 'failed' && invoke > confirmedAt) {
        surroundings.probes.hit('a revoked user was refused');
      }
      customer.after(random.between(1, 60), () => this.#write(visit, count + 1));
    });
  }

  #revoke(visit: Visit, name: string): void {
    const { surroundings } = this.#options;
    const { agenda, probes } = surroundings;
    if (this.#isStopping) return;
    this.#say({ type: 'delete-user', name }, (map) => {
      const look = () => {
        if (this.#isStopping) return;
        if (!this.#isAdopted(map)) return void agenda.after(20, look);
        visit.confirmedAt = agenda.now;
        probes.hit('a revocation was adopted');
        agenda.after(REVOKED_MILLISECONDS, () => {
          visit.customer.isStopping = true;
          this.#admit();
        });
      };
      look();
    });
  }

  /** Some replica of each data shard has applied it: so it is committed there. */
  #isAdopted(map: ClusterMap): boolean {
    const { computers } = this.#options.growth;
    return map.shards.every(({ shard, epoch }) => {
      if (shard === CATALOG_SHARD) return true;
      return computers.some(({ core }) => {
        return (core?.state.replicas.get(shard)?.machine.epoch ?? 0) >= epoch;
      });
    });
  }

  /** As a person types it, repeated until the catalog confirms it. With a map that has it. */
  #say(command: CatalogCommand, done: (map: ClusterMap) => void): void {
    const { growth, random, surroundings } = this.#options;
    const { agenda } = surroundings;
    const bytes = encodeCommand(command);
    let version: number | undefined;
    let isOver = false;
    const responder: Responder = {
      respond: (response) => {
        const reply = response.type === 'commanded' ? decodeReply(response.reply) : undefined;
        if (reply?.type === 'done') version ??= reply.version;
      },
    };
    const ask = () => {
      if (isOver || this.#isStopping) return;
      const maps = growth.computers.flatMap(({ core }) => core?.state.map ?? []);
      const map = maps.find((one) => version !== undefined && one.version >= version);
      if (map !== undefined) {
        isOver = true;
        return done(map);
      }
      const core = random.pick(growth.computers.map((one) => one.core));
      core?.ask({ type: 'command', id: 1, command: bytes }, responder);
      agenda.after(random.between(100, 400), ask);
    };
    ask();
  }
}

/** Of all customers that are no visitors. */
export const ROOT_TOKEN = new Uint8Array(TOKEN_BYTES).fill(1);

function rowOf(bytes: Uint8Array, user: string) {
  const { token: id, digest } = credentialOf(bytes);
  return { id, digest, user, scope: [], expiresAt: 0, note: '' };
}
