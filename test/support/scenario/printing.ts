/** The notation of transcripts: short, in columns, always the same. */

import { unreachable } from '../../../src/base/assert.ts';
import { RAFT_LIMITS } from '../../../src/base/limits.ts';
import type { Configuration } from '../../../src/raft/configuration.ts';
import type { Fact } from '../../../src/raft/fact.ts';
import type { LogEntry, Message } from '../../../src/raft/message.ts';
import type { Position } from '../../../src/raft/position.ts';
import type { ReadAnswer, ReceivedChunk, Write } from '../../../src/raft/ready.ts';
import type { RaftStatus } from '../../../src/raft/status.ts';

/** What a leader states while nothing is slow; it is not printed then. */
export const USUAL_TIMEOUT = RAFT_LIMITS.electionTicksMin * RAFT_LIMITS.tickMilliseconds;

const COLUMNS_MAX = 100;
const TEXT_COLUMN = 12;
const PAYLOAD_SHOWN_MAX = 12;
const decoder = new TextDecoder();

/** `1 writes    what it writes`, continued below itself where it is long. */
export function spellLine(subject: string | number, verb: string, text: string): string {
  const words = text.split(' ');
  const lines = [`${subject} ${verb}`.padEnd(TEXT_COLUMN - 1)];
  for (const word of words) {
    const line = lines[lines.length - 1] ?? '';
    if (line.length + 1 + word.length <= COLUMNS_MAX) lines[lines.length - 1] = `${line} ${word}`;
    else lines.push(`${' '.repeat(TEXT_COLUMN - 1)} ${word}`);
  }
  return lines.map((line) => line.trimEnd()).join('\n');
}

export function spellPosition(position: Position): string {
  return `${position.index}/${position.term}`;
}

export function spellEntry(entry: LogEntry): string {
  const place = spellPosition(entry);
  switch (entry.kind) {
    case 'empty':
      return `${place} empty`;
    case 'configuration':
      return `${place} ${spellConfiguration(entry.configuration)}`;
    case 'command': {
      const { payload } = entry;
      if (payload.length > PAYLOAD_SHOWN_MAX) return `${place} (${payload.length} bytes)`;
      return `${place} ${decoder.decode(payload)}`;
    }
    default:
      return unreachable(entry);
  }
}

export function spellEntries(entries: readonly LogEntry[]): string {
  return entries.length === 0 ? 'nothing' : entries.map(spellEntry).join(', ');
}

export function spellConfiguration(configuration: Configuration): string {
  const { voters, outgoing, learners } = configuration;
  if (voters.length === 0) return 'no members';
  const parts = [`voters ${voters.join(' ')}`];
  if (outgoing.length > 0) parts.push(`and of old ${outgoing.join(' ')}`);
  if (learners.length > 0) parts.push(`learners ${learners.join(' ')}`);
  return parts.join(' ');
}

export function spellMessage(message: Message): string {
  const term = `term ${message.term}`;
  switch (message.type) {
    case 'vote-request': {
      const wish = message.isTransfer ? ', by transfer' : '';
      const what = message.isPreVote ? 'pre-vote?' : 'vote?';
      return `${what} ${term}, last ${spellPosition(message.last)}${wish}${spellPlace(message)}`;
    }
    case 'vote-response': {
      const what = message.isPreVote ? 'pre-vote' : 'vote';
      return `${what} ${message.isGranted ? 'given' : 'refused'}, ${term}`;
    }
    case 'append': {
      const after = spellPosition(message.previous);
      const { entries, commit } = message;
      const head = `append ${term} after ${after}: ${spellEntries(entries)}, commit ${commit}`;
      return head + spellRound(message) + spellPlace(message);
    }
    case 'append-response': {
      const where =
        message.answer === 'missing' ? `, could agree at ${spellPosition(message.hint)}` : '';
      return `${message.answer} ${message.index}${where}, ${term}${spellRound(message)}`;
    }
    case 'heartbeat': {
      const last = message.isLast ? ', the last' : '';
      const head = `heartbeat ${term}, commit ${message.commit}`;
      const { timeoutMilliseconds } = message;
      const wait = timeoutMilliseconds === USUAL_TIMEOUT ? '' : `, timeout ${timeoutMilliseconds}`;
      return head + spellRound(message) + last + wait + spellPlace(message);
    }
    case 'heartbeat-response': {
      const { delayMilliseconds } = message;
      const delay = delayMilliseconds === 0 ? '' : `, delay ${delayMilliseconds}`;
      return `heard ${term}${spellRound(message)}${delay}`;
    }
    case 'snapshot-chunk':
      return `chunk ${term} of ${spellChunk(message)}${spellRound(message)}`;
    case 'snapshot-response': {
      const what = message.answer === 'next' ? `next from byte ${message.offset}` : 'refused';
      return `snapshot ${message.index}: ${what}, ${term}${spellRound(message)}`;
    }
    case 'campaign-now':
      return `campaign now, ${term}`;
    case 'repair-request': {
      const behind = message.through > message.entry.index ? ` through ${message.through}` : '';
      return `repair? ${spellPosition(message.entry)}${behind}, ${term}`;
    }
    case 'repair-response':
      return `repair ${spellEntries(message.entries)}, ${term}`;
    case 'removed':
      return `removed by ${spellPosition(message.configuration)}, ${term}`;
    default:
      return unreachable(message);
  }
}

/** A zero is left out. */
function spellRound(message: { readonly round: number }): string {
  return message.round === 0 ? '' : `, round ${message.round}`;
}

function spellPlace(message: { readonly configuration: Position }): string {
  const { configuration } = message;
  return configuration.index === 0 ? '' : `, members of ${spellPosition(configuration)}`;
}

export function spellChunk(chunk: ReceivedChunk): string {
  const { snapshot, offset, data, isLast } = chunk;
  const end = isLast ? ', the last' : '';
  return `${spellPosition(snapshot)} from byte ${offset}: ${decoder.decode(data)}${end}`;
}

export function spellWrite(write: Write): string {
  const { term, vote, commit } = write.hardState;
  const parts = [`#${write.mark.number} term ${term} vote ${vote || '-'} commit ${commit}`];
  if (write.snapshot !== undefined) parts.push(`snapshot ${spellPosition(write.snapshot)}`);
  if (write.entries.length > 0) parts.push(`entries ${spellEntries(write.entries)}`);
  if (write.repairs.length > 0) parts.push(`repairs ${spellEntries(write.repairs)}`);
  return parts.join(', ');
}

/** Each fact once, with its count. */
export function spellFacts(facts: readonly Fact[]): string {
  const counts = new Map<Fact, number>();
  for (const fact of facts) counts.set(fact, (counts.get(fact) ?? 0) + 1);
  const spelled = [...counts].map(([fact, count]) => (count > 1 ? `${fact} x${count}` : fact));
  return spelled.join(', ');
}

export function spellRead(answer: ReadAnswer, name: string): string {
  if (answer.type === 'granted') return `${name} may be read at ${answer.index}`;
  return `${name} is refused: ${answer.reason}`;
}

/** `is leader`, `is pre-candidate`, `follows 2`: the present role of a replica. */
export function spellRole(status: RaftStatus): { readonly verb: string; readonly text: string } {
  switch (status.role) {
    case 'follower':
      return { verb: 'follows', text: status.leader === 0 ? 'no leader' : `${status.leader}` };
    case 'pre-candidate':
      return { verb: 'is', text: 'pre-candidate' };
    case 'candidate':
      return { verb: 'is', text: 'candidate' };
    case 'leader':
      return { verb: 'is', text: 'leader' };
    default:
      return unreachable(status.role);
  }
}

/** One line for a replica; ordinary values are left out. */
export function spellStatus(member: number, status: RaftStatus): string {
  const { verb, text } = spellRole(status);
  const parts = [`${text.padEnd(9)} term ${status.term}`, `last ${spellPosition(status.last)}`];
  parts.push(`commit ${status.commit}`);
  if (status.applied !== status.commit) parts.push(`applied ${status.applied}`);
  if (status.durable !== status.last.index) parts.push(`durable ${status.durable}`);
  if (status.base.index > 0) parts.push(`log after ${spellPosition(status.base)}`);
  const { at, configuration } = status.configuration;
  if (at.index > 0) parts.push(`${spellConfiguration(configuration)} of ${spellPosition(at)}`);
  if (at.index === 0 && configuration.voters.length === 0) parts.push('knows no member');
  if (status.firstDamaged !== undefined) parts.push(`damaged at ${status.firstDamaged}`);
  if (status.isQuiet) parts.push('silent');
  if (status.isRemoved) parts.push('removed');
  if (!status.mayVote) parts.push('may not vote');
  return spellLine(member, verb, parts.join(', '));
}

/** What a leader knows of one follower. */
export function spellFollower(member: number, status: RaftStatus['followers'][number]): string {
  const parts = [`${status.member}: ${status.state}`, `match ${status.match}`];
  parts.push(`next ${status.next}`);
  if (!status.isActive) parts.push('not heard');
  if (status.isCaughtUp) parts.push('caught up');
  return spellLine(member, 'knows', parts.join(', '));
}
