/**
 * What the commands of one entry do to leases, tickets and fences: judged while a command is
 * executed, done once it has succeeded. So nothing in memory is ever undone.
 */

import { unreachable } from '../base/assert.ts';
import { nameOf } from '../base/bytes.ts';
import type {
  Acquire,
  EndLease,
  FenceCheck,
  LeaseReference,
  Operation,
  Release,
} from './command.ts';
import type { Coordination, CoordinationMoment } from './coordination.ts';
import type { Output, Reason } from './reply.ts';

interface CoordinatedOptions extends Omit<CoordinationMoment, 'index'> {
  readonly coordination: Coordination;
  /** Leases that are opened are of this client. */
  readonly client: Uint8Array;
  /** The index of the entry. */
  readonly version: number;
}

export class CoordinatedCommands {
  readonly #coordination: Coordination;
  readonly #moment: CoordinationMoment;
  readonly #client: Uint8Array;
  /** Leases that the present command opens, if it succeeds. */
  readonly #opening = new Set<string>();
  /** Locks and leases that earlier commands of the entry concern. */
  readonly #used = new Set<string>();

  constructor({ coordination, client, version: index, ...moment }: CoordinatedOptions) {
    this.#coordination = coordination;
    this.#moment = { ...moment, index };
    this.#client = client;
  }

  beginCommand(): void {
    this.#opening.clear();
  }

  /** An earlier command of the entry has changed what the operation is about. */
  isTaken(operation: Acquire | Release | EndLease): boolean {
    // Otherwise a ticket that this entry granted could go within it, and the next owner of its
    // lock would get the same token.
    if (operation.type === 'end-lease') return this.#used.has(leaseName(operation.lease));
    return this.#used.has(lockName(operation.key));
  }

  isAlive(lease: LeaseReference): boolean {
    return this.#coordination.leases.isAlive(lease.id);
  }

  /** Why no key can be attached to the lease. */
  objectionTo(lease: LeaseReference): Reason | undefined {
    const name = nameOf(lease.id);
    if (this.#opening.has(name)) return undefined;
    const reason = this.#coordination.objectionTo(lease, this.#opening.size);
    const isNew = reason === undefined && this.#coordination.leases.of(lease.id) === undefined;
    if (isNew) this.#opening.add(name);
    return reason;
  }

  objectionToFence(fence: FenceCheck): number | Reason | undefined {
    return this.#coordination.objectionToFence(fence);
  }

  answerTo(operation: Acquire | Release | EndLease): Output | Reason {
    const coordination = this.#coordination;
    switch (operation.type) {
      case 'acquire':
        return coordination.answerTo(operation, this.#moment.index);
      case 'release':
        return coordination.tickets.stateOf(operation.key, operation.ticket);
      case 'end-lease': {
        const answer = coordination.answerToEnd(operation.lease);
        return typeof answer === 'string' ? answer : { type: 'presence', wasThere: answer };
      }
      default:
        return unreachable(operation);
    }
  }

  /** Its command has succeeded. */
  settle(operation: Operation): void {
    const coordination = this.#coordination;
    const moment = this.#moment;
    switch (operation.type) {
      case 'set':
        if (operation.lease !== undefined) coordination.open(operation.lease, this.#client, moment);
        break;
      case 'acquire':
        coordination.acquire(operation, this.#client, moment);
        this.#used.add(leaseName(operation.lease.id)).add(lockName(operation.key));
        break;
      case 'release':
        coordination.tickets.release(operation.key, operation.ticket, moment);
        this.#used.add(lockName(operation.key));
        break;
      case 'end-lease':
        coordination.endLease(operation.lease, moment);
        break;
      case 'fence':
        coordination.fences.raise(operation, moment.logTime, moment);
        break;
      default:
        break;
    }
  }
}

function lockName(name: Uint8Array): string {
  return `lock ${nameOf(name)}`;
}

function leaseName(id: Uint8Array): string {
  return `lease ${nameOf(id)}`;
}
