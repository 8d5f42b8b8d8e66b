/** Planted bugs in requests with many responses. */

import type { Bug, Planted } from './bug.ts';

const OF_THE_WIRE: readonly Planted[] = [
  {
    name: 'changes-end-their-request',
    sentence: 'the first changes of a stream count as its answer',
    file: 'src/wire/response.ts',
    find: "return type !== 'changes';",
    replace: 'return true;',
  },
  {
    name: 'start-without-a-cursor',
    sentence: 'a watch that begins in the middle of its range is sent without its place in it',
    file: 'src/wire/request.ts',
    find: 'if (cursor !== undefined) END.write(into, cursor);',
    replace: 'if (cursor !== undefined) END.write(into, cursor.subarray(0, 0));',
  },
];

const OF_THE_NODE: readonly Planted[] = [
  {
    name: 'streams-take-places',
    sentence: 'an open stream takes the place of another request of its connection',
    file: 'src/node/clients.ts',
    find: 'this.streams += 1;',
    replace: 'this.streams += 1; this.outstanding += 1;',
  },
  {
    name: 'cancelled-streams-stay',
    sentence: 'a cancelled stream counts for as long as its connection is up',
    file: 'src/node/clients.ts',
    find: 'if (this.#open.get(id)?.isStream !== true) return;',
    replace: 'return;',
  },
  {
    name: 'credit-is-a-request',
    sentence: 'credit counts as a request that is never answered',
    file: 'src/node/client-frames.ts',
    find: "return type === 'credit' ||",
    replace: 'return',
  },
  {
    name: 'one-id-for-two-streams',
    sentence: 'a stream is opened under the id of an open request',
    file: 'src/node/client-frames.ts',
    find: "request.type === 'watch' && client.hasOpen(request.id)",
    replace: 'false',
  },
];

export const STREAM_BUGS: readonly Bug[] = [
  ...OF_THE_WIRE.map((bug) => {
    return { profiles: [], tests: ['watch-frames', 'client-frames'], isFast: false, ...bug };
  }),
  ...OF_THE_NODE.map((bug) => {
    return { profiles: [], tests: ['clients', 'client-frames'], isFast: false, ...bug };
  }),
];
