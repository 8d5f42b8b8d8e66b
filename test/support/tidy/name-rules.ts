/** Names and words: one exported type for each name, and sentences that name the actor. */

import { findMatches, lineAt, type Rule } from './tree.ts';

const EXPORTED_TYPE =
  /^export (?:declare )?(?:abstract )?(?:type|interface|class|enum) ([A-Za-z_$][\w$]*)/gm;

const uniqueTypes: Rule = {
  sentence: 'no two exported types of src have one name',
  find: (tree) => {
    const homes = new Map<string, string>();
    return tree.sources
      .filter(({ path }) => path.startsWith('src/'))
      .flatMap(({ path, code }) =>
        [...code.matchAll(EXPORTED_TYPE)].flatMap((match) => {
          const name = match[1] ?? '';
          const home = homes.get(name) ?? path;
          homes.set(name, home);
          if (home === path) return [];
          const line = lineAt(code, match.index);
          return [`${path}:${line}: ${name} is a type of ${home} too, choose a more precise name`];
        }),
      );
  },
  broken: [
    { 'src/raft/a.ts': 'export type Entry = 1;', 'src/wire/b.ts': 'export interface Entry {}' },
    {
      'src/raft/a.ts': 'export class Log {}',
      'src/storage/b.ts': 'const a = 1;\nexport abstract class Log {}',
    },
  ],
  sound: [
    { 'src/raft/a.ts': 'export type Entry = 1;', 'src/wire/b.ts': 'interface Entry {}' },
    { 'src/raft/a.ts': 'export type Entry = 1;', 'test/b.ts': 'export interface Entry {}' },
    {
      'src/raft/a.ts': 'export type Entry = 1;',
      'src/wire/b.ts': "export type { Entry } from '../raft/a.ts';",
    },
    { 'src/raft/a.ts': 'export type Entry = 1;', 'src/wire/b.ts': '// export type Entry = 2;' },
  ],
};

/** Put together here so that this file does not hold one. */
const WITHOUT_ACTOR = ['no', 'some', 'any'].map((word) => `${word}body`).concat(`who${'ever'}`);

/** One is in a published test vector of the hash. */
const WITHOUT_ACTOR_MAX = 1;

const actors: Rule = {
  sentence: 'no word of the code or the documents leaves the actor unnamed',
  find: (tree) => {
    const words = new RegExp(`\\b(?:${WITHOUT_ACTOR.join('|')})\\b`, 'gi');
    const advice = (found: string) => `${found} is no actor, name the one who acts`;
    const breaches = [...tree.texts]
      .filter(([path]) => /\.(?:ts|md)$/.test(path))
      .flatMap(([path, text]) => findMatches({ path }, text, words, advice));
    return breaches.length > WITHOUT_ACTOR_MAX ? breaches : [];
  },
  broken: ['src/raft/a.ts', 'docs/A.md'].flatMap((path) =>
    WITHOUT_ACTOR.map((word) => ({
      [path]: `// ${`${word} `.repeat(WITHOUT_ACTOR_MAX + 1)}\n`,
    })),
  ),
  sound: [
    {},
    { 'src/raft/a.ts': '// A request that holds no locks may wait for any holder.\n' },
    { 'src/raft/a.ts': `// ${`${WITHOUT_ACTOR[0]} `.repeat(WITHOUT_ACTOR_MAX)}\n` },
  ],
};

export const NAME_RULES: readonly Rule[] = [uniqueTypes, actors];
