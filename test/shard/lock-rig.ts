/** A replica that leads a shard with leases and locks, and clients that are spoken of in short. */

import { ok } from 'node:assert/strict';
import { RAFT_LIMITS } from '../../src/base/limits.ts';
import { TRANSACTION_LIMITS } from '../../src/base/transaction-limits.ts';
import { encodeBatch } from '../../src/machine/batch.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { EntryBody } from '../../src/machine/entry.ts';
import { decodeReply, type Reply } from '../../src/machine/reply.ts';
import { DataMachine } from '../../src/shard/data-machine.ts';
import type { Flow } from '../../src/shard/fair-queue.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, clientOf, WHOLE } from '../machine/machine-rig.ts';
import { ReplicaRig } from './replica-rig.ts';

export const EPOCH = 1;
const PATIENCE = 10_000;
const MINUTE = 60_000;

export class LockRig {
  readonly rig = new ReplicaRig();
  /** With every tick. */
  onTick: () => void = () => {};
  #sequence = 0;
  #deferredAt = 0;

  constructor() {
    this.rig.lead();
    this.stamp({ type: 'adopt', epoch: EPOCH, arc: WHOLE });
  }

  get machine(): DataMachine {
    const { machine } = this.rig.replica;
    ok(machine instanceof DataMachine);
    return machine;
  }

  /** What the last command of these operations got, in a few words. */
  do(...operations: readonly Operation[]): string {
    return saidOf(this.stamp({ type: 'batch', batch: this.batch([operations]) }));
  }

  batch(commands: readonly (readonly Operation[])[]): Uint8Array {
    const sequence = this.#sequence;
    this.#sequence += 1;
    const deadline = this.rig.replica.logTime + PATIENCE;
    return encodeBatch({ client: clientOf(200), deadline, sequence, commands });
  }

  stamp(body: EntryBody): readonly Response[] {
    const { requester, responses } = this.rig.requester();
    this.rig.replica.stamp(requester, EPOCH, body);
    this.rig.turns(4);
    return responses;
  }

  /** Gets its response later. */
  keep(leases: readonly number[], share?: Flow): readonly Response[] {
    const { requester, responses } = this.rig.requester();
    const responder = { ...requester.responder, share };
    const request = { requester: { ...requester, responder }, leases: leases.map(clientOf) };
    this.rig.replica.keep(request, EPOCH);
    return responses;
  }

  await(name: string, ticket: number, patience = MINUTE): readonly Response[] {
    const { requester, responses } = this.rig.requester();
    const until = this.rig.now + patience;
    this.rig.replica.awaitTicket({ requester, name: bytesOf(name), ticket, until });
    this.rig.turns(4);
    return responses;
  }

  list(
    what: 'leases' | 'tickets',
    after: Uint8Array = new Uint8Array(),
    rowsMax = 512,
  ): readonly Response[] {
    const { requester, responses } = this.rig.requester();
    const until = this.rig.now + MINUTE;
    const query = { type: 'coordination', what, after, rowsMax } as const;
    this.rig.replica.read({ requester, until, what: query });
    this.rig.turns(4);
    return responses;
  }

  /** Time passes, tick by tick; deferred entries are proposed as a node does. */
  pass(milliseconds: number): void {
    const { rig } = this;
    for (let left = milliseconds; left > 0; left -= RAFT_LIMITS.tickMilliseconds) {
      rig.tick();
      this.onTick();
      if (rig.now - this.#deferredAt >= TRANSACTION_LIMITS.deferMilliseconds) {
        this.#deferredAt = rig.now;
        rig.replica.proposeDeferred();
      }
      rig.turns(3);
    }
  }

  /** The leases that are alive, by their numbers. */
  get alive(): readonly number[] {
    const leases = [...this.machine.coordination.leases.all()];
    return leases.filter(({ endedAt }) => endedAt === 0).map(({ id }) => id[0] ?? 0);
  }
}

/** A response in a few words. */
export function saidOf([response]: readonly Response[]): string {
  if (response === undefined) return 'nothing yet';
  switch (response.type) {
    case 'failed':
      return response.failure;
    case 'kept':
      return `kept, ended ${response.ended.map((id) => id[0]).join(' ') || 'none'}`;
    case 'ticket':
      if (response.fence > 0) return `owns, fence ${response.fence}`;
      return response.position > 0 ? `waits, place ${response.position}` : 'gone';
    case 'written': {
      const reply = response.replies[0];
      return reply === undefined ? 'written' : saidOfReply(decodeReply(reply));
    }
    default:
      return response.type;
  }
}

function saidOfReply(reply: Reply | undefined): string {
  ok(reply, 'a reply is one');
  if (reply.type === 'refused') return `refused ${reply.reason}`;
  if (reply.type === 'check-failed') return `fenced by ${reply.version}`;
  if (reply.type !== 'done') return reply.type;
  const [output] = reply.outputs;
  if (output?.type === 'presence') return output.wasThere ? 'was there' : 'was not there';
  if (output?.type !== 'ticket') return 'done';
  const { fence, position } = output;
  if (fence > 0) return `owns, fence ${fence}`;
  return position > 0 ? `waits, place ${position}` : 'nothing';
}
