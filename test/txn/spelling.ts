/** Transactions in words: what transcripts say of operations, replies and answers. */

import type { Operation } from '../../src/machine/command.ts';
import type { Output, Reason, Reply } from '../../src/machine/reply.ts';
import type { Decide } from '../../src/machine/transaction.ts';
import type { Contender } from '../../src/machine/transaction-id.ts';
import type { Answer } from '../../src/txn/coordinator.ts';

const encoder = new TextEncoder();
const decoder = new TextDecoder();

/** The 16 bytes of a client's name are its number. */
export function clientOf(number: number): Uint8Array {
  return new Uint8Array(16).fill(number);
}

/** `set x`, `get x`, `check x 3`, `check-range x z 2 9`. */
export function parseOperation(text: string): Operation {
  const [type = '', name = '', ...rest] = text.trim().split(' ');
  const key = encoder.encode(name);
  switch (type) {
    case 'set': {
      const value = new Uint8Array(Number(rest[0] ?? 0));
      return { type, key, value, lifeMilliseconds: 0 };
    }
    case 'get':
    case 'delete':
      return { type, key };
    case 'check':
      return { type: 'check-version', key, version: Number(rest[0]) };
    case 'check-range': {
      const [to = '', count, seenAt] = rest;
      const numbers = { count: Number(count), seenAt: Number(seenAt) };
      return { type, key, to: encoder.encode(to), ...numbers };
    }
    default:
      throw new Error(`no operation is called ${type}`);
  }
}

export function spellOperations(operations: readonly Operation[]): string {
  return operations.map(spellOperation).join(', ');
}

function spellOperation(operation: Operation): string {
  const key = decoder.decode(operation.key);
  if (operation.type === 'check-version') return `check ${key} ${operation.version}`;
  if (operation.type !== 'check-range') return `${operation.type} ${key}`;
  const { to, count, seenAt } = operation;
  return `check-range ${key} ${decoder.decode(to)} ${count} ${seenAt}`;
}

/** `done 12`, `done 12 saying 5,6`, `fails not-leader`, `fails too-large for-good`, … */
export function parseAnswer(words: readonly string[]): Answer {
  const [kind, why = '', manner] = words;
  if (kind === 'fails') return { type: 'failed', why, isFinal: manner === 'for-good' };
  return { type: 'replied', reply: parseReply(words) };
}

export function parseReply([kind, first = '', second = '0', third = '']: readonly string[]): Reply {
  switch (kind) {
    case 'done':
      return { type: 'done', version: Number(first), outputs: outputsIn(second, third) };
    case 'committed':
      return { type: 'committed', versions: numbersIn(first), outputs: outputsIn(second, third) };
    case 'check-failed':
      return { type: 'check-failed', position: Number(first), version: Number(second) };
    case 'refused':
      return { type: 'refused', reason: first as Reason, position: Number(second) };
    case 'locked':
      // `locked 0 by 3+2`: at that position, by one of that age and so many attempts.
      return { type: 'locked', position: Number(first), holder: contenderOf(9, ...rankIn(third)) };
    default:
      throw new Error(`no reply is called ${kind}`);
  }
}

/** `5+2`: age 5, and 2 attempts came to nothing; `5`: none did. */
export function rankIn(text: string): readonly [age: number, attempts: number] {
  const [age, attempts = '0'] = text.split('+');
  return [Number(age), Number(attempts)];
}

/** The sequence is always 1. */
export function contenderOf(client: number, age: number, attempts = 0): Contender {
  return { id: { home: 0, client: clientOf(client), sequence: 1 }, attempts, age };
}

/** Texts are as long as they say they are. */
function outputsIn(word: string, numbers: string): readonly Output[] {
  if (word !== 'saying') return [];
  return numbersIn(numbers).map((length) => ({ type: 'appended', length }));
}

function numbersIn(text: string): readonly number[] {
  return text === '' ? [] : text.split(',').map(Number);
}

export function spellReply(reply: Reply): string {
  switch (reply.type) {
    case 'done':
      return `done ${reply.version}${spellOutputs(reply.outputs)}`;
    case 'committed':
      return `committed ${reply.versions.join(',')}${spellOutputs(reply.outputs)}`;
    case 'check-failed':
      return `check-failed ${reply.position} ${reply.version}`;
    case 'refused':
      return `refused ${reply.reason} ${reply.position}`;
    case 'locked':
      return `locked ${reply.position} by ${reply.holder.age}`;
  }
}

export function spellProposal(proposal: Decide['proposal']): string {
  if (proposal.type !== 'commit') return `${proposal.type}, ${spellReply(proposal.because)}`;
  const { versions, outputs, operations } = proposal;
  const told = versions.length === 0 ? '' : `, versions ${versions.join(',')}`;
  const doing = operations.length === 0 ? '' : `, doing ${spellOperations(operations)}`;
  return `commit${told}${spellOutputs(outputs)}${doing}`;
}

function spellOutputs(outputs: readonly Output[]): string {
  if (outputs.length === 0) return '';
  const words = outputs.map((output) => (output.type === 'appended' ? output.length : output.type));
  return ` saying ${words.join(',')}`;
}
