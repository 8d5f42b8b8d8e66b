/** A step in words, for the reader of a violation. */

import type { Message } from '../../src/raft/message.ts';
import { argumentOf, type Cast } from './cast.ts';
import { VOTERS } from './replica.ts';

export function describeStep(cast: Cast, step: number): string {
  const member = VOTERS[step & 3];
  const code = step >>> 3;
  const happening = cast.happeningOf(code);
  switch (happening.type) {
    case 'deliver': {
      const kept = (step & 4) === 0 ? '' : ' (a copy stays on its way)';
      return `${member} receives ${describeMessage(happening.message)}${kept}`;
    }
    case 'propose':
      return `${member} is asked to append command ${argumentOf(code)}`;
    case 'sync':
      return `${member}'s oldest write becomes durable`;
    case 'campaign':
      return `${member}'s election timer fires`;
    case 'silence':
      return `${member} hears no leader for an election timeout`;
    case 'beat':
      return `${member}'s heartbeat is due`;
    case 'read':
      return `${member} is asked for a read`;
    case 'crash':
      return `${member} crashes and comes back`;
  }
}

function describeMessage(message: Message): string {
  const { type, from, term, shard: _shard, to: _to, ...rest } = message;
  const content = JSON.stringify(rest, (_key, value) =>
    ArrayBuffer.isView(value) ? [...(value as Uint8Array)].join() : value,
  );
  return `${type} of term ${term} from ${from} ${content}`;
}
