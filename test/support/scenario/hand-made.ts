/** Messages that no replica sent: the text of a transcript defines them. */

import type { MemberId, ShardId } from '../../../src/base/ids.ts';
import type { AppendResponse, LogEntry, Message } from '../../../src/raft/message.ts';
import type { Position } from '../../../src/raft/position.ts';
import { SHARD } from './member.ts';
import { USUAL_TIMEOUT } from './printing.ts';

const encoder = new TextEncoder();

/** `key=value` words. Missing ones are zero, or no. */
export type Fields = ReadonlyMap<string, string>;

export function parseFields(words: readonly string[]): Fields {
  return new Map(
    words.map((word) => {
      const [key = '', value = 'yes'] = word.split('=');
      return [key, value];
    }),
  );
}

export function parseMembers(text: string | undefined): MemberId[] {
  if (text === undefined || text === '') return [];
  return text.split(',').map((member) => Number(member) as MemberId);
}

/** `3/2` is index 3 of term 2. */
export function parsePosition(text: string | undefined): Position {
  const [index = 0, term = 0] = (text ?? '0/0').split('/').map(Number);
  return { index, term };
}

/** Entries by their terms; the content of an index and a term is the same in every transcript. */
export function entriesOfTerms(after: number, terms: readonly number[]): LogEntry[] {
  return terms.map((term, at) => {
    const index = after + 1 + at;
    return { kind: 'command', index, term, payload: encoder.encode(`at${index}in${term}`) };
  });
}

export function parseTerms(text: string | undefined): number[] {
  return text === undefined || text === '' ? [] : text.split(',').map(Number);
}

/** `1->2 append term=3 previous=2/1 terms=3,3 commit=1`. */
export function parseMessage(route: string, type: string, fields: Fields): Message {
  const [from = 0, to = 0] = route.split('->').map(Number);
  const number = (key: string) => Number(fields.get(key) ?? 0);
  const truth = (key: string) => fields.get(key) === 'yes';
  const position = (key: string) => parsePosition(fields.get(key));
  const envelope = {
    shard: Number(fields.get('shard') ?? SHARD) as ShardId,
    from: from as MemberId,
    to: to as MemberId,
    term: number('term'),
  };
  const round = number('round');
  const configuration = position('configuration');
  switch (type) {
    case 'vote-request': {
      const isPreVote = truth('pre-vote');
      const asked = { isTransfer: truth('transfer'), last: position('last'), sentAt: 0 };
      return { type, ...envelope, isPreVote, ...asked, configuration };
    }
    case 'vote-response': {
      const isGranted = truth('granted');
      return { type, ...envelope, isPreVote: truth('pre-vote'), isGranted, sentAt: number('sent') };
    }
    case 'append': {
      const previous = position('previous');
      const after = Number(fields.get('after') ?? previous.index);
      const entries = entriesOfTerms(after, parseTerms(fields.get('terms')));
      const commit = number('commit');
      return { type, ...envelope, previous, entries, commit, round, configuration };
    }
    case 'append-response': {
      const answer = parseAnswer(fields.get('answer'));
      return { type, ...envelope, answer, index: number('index'), hint: position('hint'), round };
    }
    case 'heartbeat': {
      const [isLast, isEstablished] = [truth('last'), truth('established')];
      const timeoutMilliseconds = Number(fields.get('timeout') ?? USUAL_TIMEOUT);
      const beat = { commit: number('commit'), round, configuration, isLast, isEstablished };
      return { type, ...envelope, ...beat, timeoutMilliseconds };
    }
    case 'heartbeat-response':
      return { type, ...envelope, round, delayMilliseconds: number('delay') };
    case 'snapshot-chunk': {
      const voters = parseMembers(fields.get('voters'));
      const members = { voters, outgoing: [], learners: [] };
      const place = { ...position('snapshot'), configurationAt: configuration };
      const snapshot = { ...place, configuration: members };
      const data = encoder.encode(fields.get('data') ?? '');
      const offset = number('offset');
      return { type, ...envelope, snapshot, offset, data, isLast: truth('last'), round };
    }
    case 'campaign-now':
      return { type, ...envelope };
    case 'removed':
      return { type, ...envelope, configuration };
    case 'repair-request': {
      const entry = position('entry');
      return { type, ...envelope, entry, through: Number(fields.get('through') ?? entry.index) };
    }
    case 'repair-response': {
      const entries = entriesOfTerms(number('after'), parseTerms(fields.get('terms')));
      return { type, ...envelope, entries };
    }
    default:
      throw new Error(`no message is called ${type}`);
  }
}

function parseAnswer(text: string | undefined): AppendResponse['answer'] {
  if (text === 'have' || text === 'missing' || text === 'damaged' || text === 'stateless') {
    return text;
  }
  throw new Error('an append is answered with have, missing, damaged or stateless');
}
