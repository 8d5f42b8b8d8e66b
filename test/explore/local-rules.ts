/** Rules that one replica can break, whatever the others do. */

import type { Message } from '../../src/raft/message.ts';
import type { Happening, Outputs, Replica } from './replica.ts';

/** The rule that the step broke; undefined if none. */
export function faultOfMove(
  before: Replica,
  move: {
    readonly replica: Replica;
    readonly outputs: Outputs;
    readonly happening: Happening;
  },
): string | undefined {
  const { replica, outputs, happening } = move;
  for (const message of outputs.messages) {
    const fault = faultOfPromise(replica, message);
    if (fault !== undefined) return fault;
  }
  const { core, disk } = replica;
  const { synced, written } = disk;
  if (core.log.durable > synced.entries.length) return 'more is called durable than is synced';
  if (core.log.lastIndex !== written.entries.length) return 'the log is not what was written';
  for (const entry of written.entries) {
    if (core.log.termAt(entry.index) !== entry.term) return 'the log is not what was written';
    const isDurable = entry.index <= core.log.durable;
    if (isDurable && synced.entries[entry.index - 1]?.term !== entry.term) {
      return 'an entry is called durable that was overwritten before it was synced';
    }
  }
  if (core.commit > core.log.lastIndex) return 'more is committed than there is';
  if (core.handed > core.commit) return 'more is applied than is committed';
  if (happening.type === 'crash') return undefined;
  if (core.term < before.core.term) return 'a term went back';
  if (core.commit < before.core.commit) return 'a commit index went back';
  const isSameTerm = core.term === before.core.term;
  if (isSameTerm && before.core.vote !== 0 && core.vote !== before.core.vote) {
    return 'a vote was changed';
  }
  return undefined;
}

/** Messages must not promise what a crash could lose (figure 2). */
function faultOfPromise(sender: Replica, message: Message): string | undefined {
  const { hardState, entries } = sender.disk.synced;
  if (message.type === 'vote-request' && message.isPreVote) return undefined;
  if (message.type === 'vote-response' && message.isPreVote) return undefined;
  if (hardState.term < message.term) return 'a term was told before it was durable';
  if (message.type === 'vote-response' && message.isGranted) {
    const isKept = hardState.term > message.term || hardState.vote === message.to;
    if (!isKept) return 'a vote was told before it was durable';
  }
  if (message.type === 'append-response' && message.answer === 'have') {
    if (message.index > entries.length) return 'an entry was acknowledged before it was durable';
  }
  return undefined;
}
