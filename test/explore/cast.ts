/**
 * Every local state of a replica and every message, each once and by a number. The effect of an
 * event on a replica depends on the replica alone, so each of its steps is computed once:
 * a world of three is then a few numbers.
 */

import { present } from '../../src/base/assert.ts';
import type { MemberId } from '../../src/base/ids.ts';
import type { LogEntry, Message } from '../../src/raft/message.ts';
import { decodeFrame, encodeFrame } from '../../src/wire/frame.ts';
import { freezeGraph, printGraph } from './graph.ts';
import { faultOfMove } from './local-rules.ts';
import { type After, type Happening, Replica, VOTERS } from './replica.ts';

/** An event as one number: its kind, and which message or payload. */
export const KIND = {
  sync: 0,
  campaign: 1,
  silence: 2,
  beat: 3,
  read: 4,
  crash: 5,
  propose: 6,
  deliver: 7,
} as const;

const KIND_BITS = 3;

export function happeningCode(kind: number, argument = 0): number {
  return (argument << KIND_BITS) | kind;
}

export function kindOf(code: number): number {
  return code & ((1 << KIND_BITS) - 1);
}

export function argumentOf(code: number): number {
  return code >>> KIND_BITS;
}

export interface Move {
  /** The number of the resulting local state. */
  readonly next: number;
  /** Numbers of the messages that leave. */
  readonly sent: readonly number[];
  readonly readIndex: number | undefined;
}

/** The visible part of a local state. */
export interface LocalState {
  readonly replica: Replica;
  readonly slot: number;
  readonly isLeader: boolean;
  readonly isWaiting: boolean;
  readonly hasPending: boolean;
  readonly isCandidate: boolean;
  readonly term: number;
  readonly syncedTerm: number;
  readonly commit: number;
  /** Numbers of the entries in the log, and of those that a crash leaves. */
  readonly log: readonly number[];
  readonly synced: readonly number[];
  readonly moves: Map<number, Move>;
}

export class BrokenRule extends Error {
  override readonly name = 'BrokenRule';
}

export class Cast {
  readonly #isDiskInstant: boolean;
  readonly states: LocalState[] = [];
  readonly messages: Message[] = [];
  readonly #receivers: number[] = [];
  readonly #dropped = new Set<number>();
  readonly #encoded: string[] = [];
  readonly #stateNumbers = new Map<string, number>();
  readonly #messageNumbers = new Map<string, number>();
  readonly #entryNumbers = new Map<string, number>();
  readonly #entryTerms: number[] = [];

  constructor(options: { readonly isDiskInstant: boolean }) {
    this.#isDiskInstant = options.isDiskInstant;
  }

  begin(): readonly number[] {
    return VOTERS.map((member, slot) => this.#internState(new Replica(member), slot));
  }

  stateOf(number: number): LocalState {
    return present(this.states[number], 'a state has a number');
  }

  messageOf(number: number): Message {
    return present(this.messages[number], 'a message has a number');
  }

  /**
   * An answer of a term in which its receiver can never act again: it has no effect. Assumed while
   * exploring, verified in the end by `faultOfLateAnswers`.
   */
  isLate(message: Message, state: LocalState): boolean {
    switch (message.type) {
      case 'append-response':
      case 'heartbeat-response':
        return message.term < state.syncedTerm;
      case 'vote-response':
        if (message.isPreVote && !message.isGranted) return message.term < state.syncedTerm;
        return message.term <= state.syncedTerm && !state.isCandidate;
      default:
        return false;
    }
  }

  /** Drops what came too late for the replica in this place. */
  dropLate(world: number[], from: number, slot: number): void {
    const state = this.stateOf(world[slot] as number);
    let kept = from;
    for (let at = from; at < world.length; at++) {
      const number = world[at] as number;
      const isForSlot = this.#receivers[number] === slot;
      if (isForSlot && this.isLate(this.messageOf(number), state)) this.#dropped.add(number);
      else world[kept++] = number;
    }
    world.length = kept;
  }

  /** Late answers were dropped because they change nothing. Here each one is checked. */
  faultOfLateAnswers(): string | undefined {
    for (const number of this.#dropped) {
      const message = this.messageOf(number);
      for (let at = 0; at < this.states.length; at++) {
        const state = this.stateOf(at);
        if (state.slot !== this.#receivers[number] || !this.isLate(message, state)) continue;
        const move = this.move(at, happeningCode(KIND.deliver, number));
        if (move.next !== at || move.sent.length > 0)
          return 'an answer had an effect after its term';
      }
    }
    return undefined;
  }

  /** Where a message goes, as a place among the voters. */
  receiverOf(message: number): number {
    return this.#receivers[message] as number;
  }

  termOfEntry(entry: number): number {
    return this.#entryTerms[entry] as number;
  }

  move(from: number, code: number): Move {
    const state = this.stateOf(from);
    const known = state.moves.get(code);
    if (known !== undefined) return known;
    const made = this.#make(state, this.happeningOf(code));
    state.moves.set(code, made);
    return made;
  }

  happeningOf(code: number): Happening {
    const argument = argumentOf(code);
    switch (kindOf(code)) {
      case KIND.sync:
        return { type: 'sync' };
      case KIND.campaign:
        return { type: 'campaign' };
      case KIND.silence:
        return { type: 'silence' };
      case KIND.beat:
        return { type: 'beat' };
      case KIND.read:
        return { type: 'read' };
      case KIND.crash:
        return { type: 'crash' };
      case KIND.propose:
        return { type: 'propose', payload: new Uint8Array([argument]) };
      default:
        return { type: 'deliver', message: this.messageOf(argument) };
    }
  }

  /** Replicas share messages here: none may have written to one. */
  areMessagesUntouched(): boolean {
    return this.messages.every(
      (message, at) => textOf(encodeFrame([message])) === this.#encoded[at],
    );
  }

  #make(state: LocalState, happening: Happening): Move {
    const made = checkedAfter(state.replica, happening);
    const messages = [...made.outputs.messages];
    let { replica } = made;
    let { readIndex } = made.outputs;
    while (this.#isDiskInstant && replica.disk.pending.length > 0) {
      const synced = checkedAfter(replica, { type: 'sync' });
      messages.push(...synced.outputs.messages);
      readIndex ??= synced.outputs.readIndex;
      replica = synced.replica;
    }
    return {
      next: this.#internState(replica, state.slot),
      sent: messages.map((message) => this.#internMessage(message)),
      readIndex,
    };
  }

  #internState(replica: Replica, slot: number): number {
    const print = printGraph(replica);
    const known = this.#stateNumbers.get(print);
    if (known !== undefined) return known;
    const { core, disk } = replica;
    this.states.push({
      replica,
      slot,
      isLeader: replica.isLeader,
      isWaiting: replica.isWaiting,
      hasPending: disk.pending.length > 0,
      isCandidate: core.role.type === 'candidate' && !core.role.isPreVote,
      term: core.term,
      syncedTerm: disk.synced.hardState.term,
      commit: core.commit,
      log: disk.written.entries.map((entry) => this.#internEntry(entry)),
      synced: disk.synced.entries.map((entry) => this.#internEntry(entry)),
      moves: new Map(),
    });
    this.#stateNumbers.set(print, this.states.length - 1);
    return this.states.length - 1;
  }

  /** A message crosses the wire, so that no receiver shares it with its sender. */
  #internMessage(sent: Message): number {
    const bytes = encodeFrame([sent]);
    const text = textOf(bytes);
    const known = this.#messageNumbers.get(text);
    if (known !== undefined) return known;
    const message = freezeGraph(present(decodeFrame(bytes)?.[0], 'what was sent is understood'));
    this.messages.push(message);
    this.#encoded.push(text);
    this.#receivers.push(VOTERS.indexOf(message.to as MemberId));
    this.#messageNumbers.set(text, this.messages.length - 1);
    return this.messages.length - 1;
  }

  #internEntry(entry: LogEntry): number {
    const content = entry.kind === 'command' ? entry.payload.join() : '';
    const text = `${entry.index}/${entry.term}/${entry.kind}/${content}`;
    let number = this.#entryNumbers.get(text);
    if (number === undefined) {
      number = this.#entryTerms.push(entry.term) - 1;
      this.#entryNumbers.set(text, number);
    }
    return number;
  }
}

function checkedAfter(before: Replica, happening: Happening): After {
  const after = before.after(happening);
  const fault = faultOfMove(before, { ...after, happening });
  if (fault !== undefined) throw new BrokenRule(fault);
  return after;
}

function textOf(bytes: Uint8Array): string {
  return Buffer.from(bytes).toString('latin1');
}
