/** A hash over all fields of an entry. */

import { unreachable } from '../../src/base/assert.ts';
import { hash } from '../../src/base/hash.ts';
import type { LogEntry } from '../../src/raft/message.ts';

export function hashOfEntry(entry: LogEntry): number {
  const place = Math.imul(entry.index, 0x9e3779b1) ^ entry.term;
  switch (entry.kind) {
    case 'command':
      return hash(entry.payload, place);
    case 'empty':
      return place ^ 0x5bd1e995;
    case 'configuration': {
      const { voters, outgoing, learners } = entry.configuration;
      let mixed = place ^ 0x1b873593;
      for (const list of [voters, outgoing, learners]) {
        mixed = Math.imul(mixed ^ list.length, 0x85ebca77);
        for (const member of list) {
          mixed = Math.imul(mixed ^ (member | 0), 0xc2b2ae3d) ^ Math.floor(member / 2 ** 32);
        }
      }
      return mixed;
    }
    default:
      return unreachable(entry);
  }
}
