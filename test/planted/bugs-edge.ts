/** Planted bugs of the edge: how a node ends, who is let in, and what strangers can make it do. */

import type { Bug } from './bug.ts';

const ENDING = { trap: 'C11', profiles: [], tests: ['ending'], isFast: false };

const DOOR = { trap: 'C14', profiles: [], isFast: true };

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
  {
    ...DOOR,
    name: 'clients-speak-for-nodes',
    sentence: 'a client announces, reports and places in the name of nodes',
    file: 'src/router/router.ts',
    find: 'asked.origin.isClient === true && isForNodesOnly(request)',
    replace: 'false',
    tests: ['client-door'],
  },
  {
    ...DOOR,
    name: 'client-door-takes-lies',
    sentence: 'one of the commands by which nodes tell what they know is taken from clients',
    file: 'src/router/client-door.ts',
    find: "new Set(['join', 'set-membership'])",
    replace: "new Set(['join', 'set-membership', 'lose'])",
    tests: ['client-door'],
  },
  {
    ...DOOR,
    name: 'forwarded-client-is-a-node',
    sentence: "what a client asks is a node's once a node has passed it on",
    file: 'src/core/forwards.ts',
    find: 'const isOfClient = origin.isClient === true;',
    replace: 'const isOfClient = false;',
    tests: ['forwards'],
  },
  {
    ...DOOR,
    name: 'any-address-joins',
    sentence: 'a newcomer makes all nodes dial any url',
    file: 'src/catalog/decision.ts',
    find: "!== undefined) return refuse('unsound'); const newcomers",
    replace: "=== null) return refuse('unsound'); const newcomers",
    tests: ['catalogue', 'model'],
  },
  {
    ...DOOR,
    name: 'ghosts-fill-the-map',
    sentence: 'any number of nodes join that never start, until the map is full',
    file: 'src/catalog/decision.ts',
    find: 'newcomers >= CATALOGUE_LIMITS.newcomersMax',
    replace: 'newcomers < 0',
    tests: ['catalogue'],
  },
  {
    ...DOOR,
    name: 'terminals-obey-zones',
    sentence: 'a zone may hold what a terminal obeys',
    file: 'src/catalog/description.ts',
    find: 'if (!UNPRINTABLE.test(text)) continue;',
    replace: 'continue;',
    tests: ['description', 'model'],
  },
];
