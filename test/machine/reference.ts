/** What the machine should do, written as simply as it can be: maps, and nothing encoded. */

import { MACHINE_LIMITS } from '../../src/base/limits.ts';
import type { Command, CommandBatch, Operation } from '../../src/machine/command.ts';
import { decodeDueKey } from '../../src/machine/due-key.ts';
import { bigintFrom, int64From } from '../../src/machine/int64.ts';
import type { Output, Reason, Reply } from '../../src/machine/reply.ts';
import type { Row } from '../../src/machine/row.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import type { Proposed } from './traffic.ts';

const INT64_MAX = 2n ** 63n - 1n;
const INT64_MIN = -(2n ** 63n);

const SLOTS = MACHINE_LIMITS.sessionSlots;
const STEP = MACHINE_LIMITS.sessionStepMilliseconds;

/** Of a client: until when it is kept, and the latest request of each slot. */
export interface ReferenceSession {
  deadlineMax: number;
  /** Above all slots that are remembered, or were. */
  top: number;
  readonly slots: Map<number, { readonly sequence: number; readonly replies: Map<number, Reply> }>;
}

export class Reference {
  logTime = 0;
  epoch = 0;
  readonly rows = new Map<string, Row>();
  readonly sessions = new Map<string, ReferenceSession>();
  /** Keys that transactions hold. */
  readonly holders = new Map<string, Contender>();

  apply(index: number, { time, epoch, body, batch }: Proposed): readonly Reply[] {
    this.logTime = Math.max(this.logTime, time);
    if (body.type === 'adopt') this.epoch = Math.max(this.epoch, body.epoch);
    if (body.type === 'expire') for (const dueKey of body.dueKeys) this.#expire(dueKey);
    if (body.type === 'forget') this.#forget(body.clients);
    return batch === undefined ? [] : this.#batch(index, epoch, batch);
  }

  #expire(dueKey: Uint8Array): void {
    const due = decodeDueKey(dueKey);
    if (due === undefined) throw new Error('the traffic names what can be due');
    const name = nameOf(due.key);
    const isDue = due.expiresAt <= this.logTime && !this.holders.has(name);
    if (isDue && this.rows.get(name)?.expiresAt === due.expiresAt) this.rows.delete(name);
  }

  #forget(clients: readonly Uint8Array[]): void {
    let left: number = MACHINE_LIMITS.sweepRowsMax;
    for (const name of clients.map(nameOf)) {
      const session = this.sessions.get(name);
      if (session === undefined || this.logTime <= session.deadlineMax) continue;
      const kept = Math.max(0, session.top - left);
      left -= session.top - kept;
      for (const slot of session.slots.keys()) if (slot >= kept) session.slots.delete(slot);
      session.top = kept;
      if (kept === 0) this.sessions.delete(name);
    }
  }

  /** Why nothing with these terms is let in. */
  reasonAgainst(deadline: number, epoch: number): Reason | undefined {
    if (deadline < this.logTime) return 'deadline-passed';
    const furthest = this.logTime + MACHINE_LIMITS.timeoutMillisecondsMax;
    if (deadline > furthest) return 'deadline-too-far';
    return epoch === this.epoch ? undefined : 'wrong-epoch';
  }

  /** Something of the client was let in. */
  letIn(client: Uint8Array, deadline: number): ReferenceSession {
    const name = nameOf(client);
    const session = this.sessions.get(name) ?? { deadlineMax: 0, top: 0, slots: new Map() };
    this.sessions.set(name, session);
    if (deadline > session.deadlineMax) session.deadlineMax = Math.ceil(deadline / STEP) * STEP;
    return session;
  }

  /** A later request of the client has used the slot. */
  isAcknowledged(client: Uint8Array, sequence: number): boolean {
    const slot = this.sessions.get(nameOf(client))?.slots.get(sequence % SLOTS);
    return slot !== undefined && slot.sequence > sequence;
  }

  recall(client: Uint8Array, sequence: number, position: number): Reply | undefined {
    const slot = this.sessions.get(nameOf(client))?.slots.get(sequence % SLOTS);
    return slot?.sequence === sequence ? slot.replies.get(position) : undefined;
  }

  /** What the slot remembered of an earlier request goes. */
  remember(session: ReferenceSession, sequence: number, position: number, reply: Reply): void {
    const number = sequence % SLOTS;
    const former = session.slots.get(number);
    const slot = former?.sequence === sequence ? former : { sequence, replies: new Map() };
    session.slots.set(number, slot);
    session.top = Math.max(session.top, number + 1);
    slot.replies.set(position, reply);
  }

  #batch(index: number, epoch: number, batch: CommandBatch): readonly Reply[] {
    const { client, sequence, deadline, commands } = batch;
    const reason = this.reasonAgainst(deadline, epoch);
    if (reason !== undefined) return commands.map(() => refused(reason, 0));
    if (this.isAcknowledged(client, sequence)) {
      return commands.map(() => refused('acknowledged', 0));
    }
    const session = this.letIn(client, deadline);
    const written = new Set<string>();
    return commands.map((command, position) => {
      const remembered = this.recall(client, sequence, position);
      if (remembered !== undefined) return remembered;
      if (command.length === 0) return refused('acknowledged', 0);
      const { reply, after } = this.judge(index, command, written);
      if (reply.type === 'locked') return reply;
      this.remember(session, sequence, position, reply);
      for (const name of after.keys()) written.add(name);
      this.write(after);
      return reply;
    });
  }

  write(after: After): void {
    for (const [name, row] of after) {
      if (row === undefined) this.rows.delete(name);
      else this.rows.set(name, row);
    }
  }

  /** What a command would do, and say. */
  judge(index: number, command: Command, written: ReadonlySet<string>): Judged {
    const nothing = (reply: Reply): Judged => ({ reply, after: new Map() });
    for (const [position, { key }] of command.entries()) {
      const holder = this.holders.get(nameOf(key));
      if (holder !== undefined) return nothing({ type: 'locked', position, holder });
    }
    for (const [position, operation] of command.entries()) {
      const name = nameOf(operation.key);
      if (written.has(name)) return nothing(refused('key-twice', position));
      const row = this.rows.get(name);
      if (!holds(operation, row)) return nothing(failed(position, row?.version ?? 0));
    }
    const after: After = new Map();
    const outputs: Output[] = [];
    for (const [position, operation] of command.entries()) {
      const name = nameOf(operation.key);
      if (operation.type.startsWith('check')) continue;
      const row = this.rows.get(name);
      if (operation.type === 'get') {
        outputs.push({ type: 'row', row });
        continue;
      }
      if (after.has(name)) return nothing(refused('key-twice', position));
      if (operation.type === 'touch') {
        const life = operation.lifeMilliseconds;
        const expiresAt = life === 0 ? 0 : this.logTime + life;
        after.set(name, row && { ...row, expiresAt });
        outputs.push({ type: 'presence', wasThere: row !== undefined });
        continue;
      }
      const change = this.#change(operation, row);
      if (typeof change === 'string') return nothing(refused(change, position));
      const { value, expiresAt } = change;
      after.set(name, value === undefined ? undefined : { version: index, expiresAt, value });
      if (change.output !== undefined) outputs.push(change.output);
    }
    return { reply: { type: 'done', version: index, outputs }, after };
  }

  #change(operation: Operation, row: Row | undefined): Change | Reason {
    const life = 'lifeMilliseconds' in operation ? operation.lifeMilliseconds : 0;
    const fresh = life === 0 ? 0 : this.logTime + life;
    const expiresAt = row?.expiresAt ?? fresh;
    switch (operation.type) {
      case 'set':
        return { value: operation.value, expiresAt: fresh };
      case 'delete':
        return { expiresAt, output: { type: 'presence', wasThere: row !== undefined } };
      case 'append': {
        const value = new Uint8Array([...(row?.value ?? []), ...operation.value]);
        return { value, expiresAt, output: { type: 'appended', length: value.length } };
      }
      case 'add':
      case 'min':
      case 'max': {
        const before = row === undefined ? undefined : naiveInteger(row.value);
        if (before === 'none') return 'not-a-number';
        const operand = bigintFrom(operation.operand);
        const result = naiveResult(operation.type, before, operand);
        if (result > INT64_MAX || result < INT64_MIN) return 'overflow';
        const output: Output = { type: 'integer', value: int64From(result) };
        return { value: naiveSpelling(result), expiresAt, output };
      }
      default:
        throw new Error(`${operation.type} changes nothing`);
    }
  }
}

/** Rows as they will be. */
export type After = Map<string, Row | undefined>;

interface Judged {
  readonly reply: Reply;
  readonly after: After;
}

interface Change {
  readonly value?: Uint8Array;
  readonly expiresAt: number;
  readonly output?: Output;
}

export function nameOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}

function holds(operation: Operation, row: Row | undefined): boolean {
  if (operation.type === 'check-version') return (row?.version ?? 0) === operation.version;
  if (operation.type === 'check-presence') return operation.isThere === (row !== undefined);
  if (operation.type !== 'check-value') return true;
  return row !== undefined && nameOf(row.value) === nameOf(operation.value);
}

export function refused(reason: Reason, position: number): Reply {
  return { type: 'refused', reason, position };
}

function failed(position: number, version: number): Reply {
  return { type: 'check-failed', position, version };
}

function naiveResult(type: 'add' | 'min' | 'max', before: bigint | undefined, operand: bigint) {
  if (before === undefined) return operand;
  if (type === 'add') return before + operand;
  const [small, large] = before < operand ? [before, operand] : [operand, before];
  return type === 'min' ? small : large;
}

/** By the specification of MessagePack. */
function naiveInteger(bytes: Uint8Array): bigint | 'none' {
  const view = new DataView(bytes.buffer, bytes.byteOffset, bytes.length);
  const tag = bytes[0] ?? 0xc1;
  if (tag <= 0x7f || tag >= 0xe0) return bytes.length === 1 ? BigInt(view.getInt8(0)) : 'none';
  const width = { 204: 1, 205: 2, 206: 4, 207: 8, 208: 1, 209: 2, 210: 4, 211: 8 }[tag];
  if (width === undefined || bytes.length !== 1 + width) return 'none';
  let value = 0n;
  for (const byte of bytes.subarray(1)) value = value * 256n + BigInt(byte);
  const signed = tag >= 0xd0 ? BigInt.asIntN(8 * width, value) : value;
  return signed > INT64_MAX ? 'none' : signed;
}

function naiveSpelling(value: bigint): Uint8Array {
  const unsigned: [number, bigint, number][] = [
    [0xcc, 8n, 1],
    [0xcd, 16n, 2],
    [0xce, 32n, 4],
    [0xcf, 64n, 8],
  ];
  if (value >= -32n && value < 128n) return Uint8Array.of(Number(BigInt.asUintN(8, value)));
  for (const [tag, bits, width] of unsigned) {
    const fits = value >= 0n ? value < 2n ** bits : value >= -(2n ** (bits - 1n));
    if (fits)
      return spelled(value >= 0n ? tag : tag + 4, BigInt.asUintN(Number(bits), value), width);
  }
  throw new Error('64 bits are enough');
}

function spelled(tag: number, value: bigint, width: number): Uint8Array {
  const hex = value.toString(16).padStart(width * 2, '0');
  return Uint8Array.of(tag, ...Buffer.from(hex, 'hex'));
}
