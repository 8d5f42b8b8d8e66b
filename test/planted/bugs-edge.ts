/** Planted bugs of the edge: how a node ends, who is let in, and what strangers can make it do. */

import type { Bug } from './bug.ts';

const ENDING = { trap: 'C11', profiles: [], tests: ['ending'], isFast: false };

export const EDGE_BUGS: readonly Bug[] = [
  {
    ...ENDING,
    name: 'ended-node-listens',
    sentence: 'a node that ended by itself holds its port until its disk is closed',
    file: 'src/node/node.ts',
    find: 'sockets.stopListening();',
    replace: '',
  },
  {
    ...ENDING,
    name: 'ended-node-looks-well',
    sentence: 'a node that ended by itself answers health checks as one that serves',
    file: 'src/node/plain-answers.ts',
    find: 'if (end !== undefined)',
    replace: 'if (false)',
  },
  {
    ...ENDING,
    name: 'ended-node-says-nothing',
    sentence: 'clients of a node that ended by itself wait until they find it silent',
    file: 'src/node/house.ts',
    find: 'this.#transport?.close(ENDED);',
    replace: '',
  },
];
