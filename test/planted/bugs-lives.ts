/** Bugs of the lives of a node: what lets an old copy of its folder in. */

import type { Bug } from './bug.ts';

const COPY = { trap: 'Q7', profiles: [], isFast: false };

export const LIFE_BUGS: readonly Bug[] = [
  {
    ...COPY,
    file: 'src/transport/peer-links.ts',
    name: 'copy-says-hello',
    sentence: 'a hello is taken from a life that does not follow the known ones',
    find: 'if (older !== undefined) return older;',
    replace: '',
    tests: ['memory-network'],
  },
  {
    ...COPY,
    file: 'src/transport/peer-links.ts',
    name: 'original-replaced',
    sentence: 'a copy takes the line of the running original',
    find: 'if (running !== undefined && peer.lives.at(-1)?.word !== word)',
    replace: 'if (running === null)',
    tests: ['memory-network'],
  },
  {
    ...COPY,
    file: 'src/core/standing.ts',
    name: 'vouches-unconfirmed',
    sentence: 'a node opens its replicas before any other knows of this life',
    find: 'if (map === undefined) this.#host.confirmed(); else this.#look();',
    replace: 'this.#confirmation.isConfirmed = true; this.#host.confirmed();',
    tests: ['old-copies'],
  },
  {
    ...COPY,
    file: 'src/core/confirmation.ts',
    name: 'vouches-unheard',
    sentence: 'a life vouches as soon as it has met the others, before they know it',
    find: 'this.isConfirmed = isHeardOut && this.#isMajority(map, ({ isKnown }) => isKnown);',
    replace: 'this.isConfirmed = true;',
    tests: ['confirmation'],
  },
  {
    ...COPY,
    file: 'src/core/confirmation.ts',
    name: 'claims-too-early',
    sentence: 'a life is claimed at those that were met first, whatever the others will say',
    find: 'if (others.some((node) => this.#isAwaited(this.#peer(node)))) return [];',
    replace: '',
    tests: ['confirmation'],
  },
  {
    ...COPY,
    file: 'src/core/peer-lives.ts',
    name: 'life-known-in-memory',
    sentence: 'a life is confirmed and never written down',
    find: "log.append([{ type: 'life', node, ...lifeOf(lineage) }], () => {",
    replace: '((_, report) => report())(0, () => {',
    tests: ['peer-lives'],
  },
  {
    ...COPY,
    file: 'src/storage/log-scribe.ts',
    name: 'lives-not-in-checkpoint',
    sentence: 'the lives of other nodes are forgotten with the segment that they were written in',
    find: 'for (const [node, life] of this.#lives) this.#batch.add(lifeName(node, life));',
    replace: '',
    tests: ['log-lives'],
  },
  {
    ...COPY,
    file: 'src/storage/log-identity.ts',
    name: 'announced-word-pushed-out',
    sentence: 'boots that nobody hears of push out the word that the cluster knows',
    find: 'return isKept ? words : [announced.word, ...words];',
    replace: 'return words;',
    tests: ['log-lives'],
  },
  {
    ...COPY,
    file: 'src/node/data-folder.ts',
    name: 'burnt-folder-starts',
    sentence: 'a folder that was refused as an old copy is tried again',
    find: "if (bytes !== 'damaged') return new TextDecoder().decode(bytes);",
    replace: "if (bytes !== 'damaged') return undefined;",
    tests: ['node'],
  },
];
