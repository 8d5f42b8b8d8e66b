/** A replica with watchers: what each of them is told, message by message, in a few words. */

import { decodeChanges } from '../../src/machine/change-codec.ts';
import type { Operation } from '../../src/machine/command.ts';
import type { EntryBody } from '../../src/machine/entry.ts';
import type { KeyChange } from '../../src/machine/key-change.ts';
import type { TellingLimits } from '../../src/shard/changed-ranges.ts';
import { FairQueue, Flow } from '../../src/shard/fair-queue.ts';
import { SHARD_LIMITS } from '../../src/shard/limits.ts';
import type { StreamTerms } from '../../src/shard/open-stream.ts';
import type { StreamHandle } from '../../src/shard/responder.ts';
import type { Response } from '../../src/wire/response.ts';
import { bytesOf, textOf } from '../machine/machine-rig.ts';
import { HeldRig } from './blocked-rig.ts';

const EPOCH = 1;

export class WatchRig {
  readonly fair = new FairQueue({ onWork: () => {} });
  readonly held: HeldRig;

  constructor({ telling }: { readonly telling?: TellingLimits } = {}) {
    this.held = new HeldRig({ fair: this.fair, telling });
  }

  get rig() {
    return this.held.rig;
  }

  get replica() {
    return this.held.rig.replica;
  }

  /** Until nothing moves any more. */
  settle(): void {
    for (let round = 0; round < 12; round++) {
      this.rig.turns(2);
      this.work();
    }
  }

  /** One slice of the work of all connections. */
  work(): void {
    this.fair.tick();
    this.fair.beginTurn();
    this.fair.work();
    this.fair.endTurn();
  }

  record(): void {
    const milliseconds = SHARD_LIMITS.recordMilliseconds;
    this.held.do({ type: 'record-changes', milliseconds });
  }

  /** One command in one entry. */
  do(...command: readonly Operation[]): void {
    this.held.write(command);
    this.settle();
  }

  /** Each in an entry of its own, applied in one turn. */
  together(...bodies: readonly EntryBody[]): void {
    const { requester } = this.rig.requester();
    for (const body of bodies) this.replica.stamp(requester, EPOCH, body);
    this.settle();
  }

  pass(milliseconds: number): void {
    for (let passed = 0; passed < milliseconds; passed += 20) {
      this.rig.tick();
      this.fair.tick();
      this.settle();
    }
  }

  watch(terms: Partial<WatchTerms> = {}): Watcher {
    return new Watcher(this, terms);
  }

  /** What a barrier is answered with, once it is. */
  barrier(terms: Parameters<WatchRig['askBarrier']>[0] = {}): string[] {
    const told = this.askBarrier(terms);
    this.settle();
    return told;
  }

  /** Within the present turn. */
  askBarrier({
    from = '',
    to = '',
    isRecording = false,
    patience = 5000,
    share,
  }: BarrierAsked): string[] {
    const told: string[] = [];
    const respond = (response: Response) => void told.push(textOfResponse(response));
    const responder = share === undefined ? { respond } : { respond, share };
    this.replica.barrier({
      requester: { responder, id: 9 },
      ...{ from: bytesOf(from), to: bytesOf(to), isRecording },
      ...{ epoch: EPOCH, until: this.rig.now + patience },
    });
    return told;
  }
}

interface BarrierAsked {
  readonly from?: string;
  readonly to?: string;
  readonly isRecording?: boolean;
  readonly patience?: number;
  /** Of the client. */
  readonly share?: Flow | undefined;
}

interface WatchTerms {
  readonly from: string;
  readonly to: string;
  readonly start: StreamTerms['start'];
  readonly atLeast: number;
  readonly keysOnly: boolean;
  readonly credit: number;
  readonly share: Flow;
}

export class Watcher {
  readonly #rig: WatchRig;
  readonly responses: Response[] = [];
  readonly share: Flow;
  readonly handle: StreamHandle | undefined;
  #told = 0;

  constructor(rig: WatchRig, terms: Partial<WatchTerms>) {
    this.#rig = rig;
    const { from = '', to = '', start, atLeast = 0, keysOnly = false, credit = 1 << 20 } = terms;
    this.share = terms.share ?? new Flow({ client: 1, mayGoOn: () => true });
    const respond = (response: Response) => void this.responses.push(response);
    const requester = { responder: { respond, share: this.share }, id: 7 };
    const bounds = { from: bytesOf(from), to: bytesOf(to) };
    this.handle = rig.replica.watch(requester, { ...bounds, start, atLeast, keysOnly, credit });
    rig.settle();
  }

  /** What came since the last look. */
  get news(): string[] {
    this.#rig.settle();
    const news = this.responses.slice(this.#told).map(textOfResponse);
    this.#told = this.responses.length;
    return news;
  }

  grant(bytes: number): void {
    this.handle?.grant(bytes);
  }
}

export function textOfResponse(response: Response): string {
  if (response.type === 'barrier') return `${response.index}/${response.term}`;
  if (response.type !== 'changes') {
    return response.type === 'failed' ? response.failure : response.type;
  }
  const { kind, after, through, block, cursor } = response;
  const changes = decodeChanges(block)?.map(textOfChange) ?? ['nonsense'];
  const next = kind === 'rows' ? [`then ${JSON.stringify(textOf(cursor))}`] : [];
  return [kind, `${after}>${through}`, ...changes, ...next].join(' ');
}

function textOfChange({ kind, key, version, previous, value, isLast }: KeyChange): string {
  const before = previous === 0 ? '' : `<${previous}`;
  const text = value === undefined ? '' : `=${textOf(value)}`;
  const what = kind === 'set' ? `${text}@${version}` : ` ${kind}`;
  return `${textOf(key)}${what}${before}${isLast ? '' : ' &'}`;
}
