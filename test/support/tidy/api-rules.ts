/** The public API describes itself: each exported name has a comment, each call an example. */

import type { Declaration, Member } from '../api/declarations.ts';
import { type Exported, publicMembers, SURFACES, surfaceOf } from '../api/surface.ts';
import { lineAt, type Rule, type Tree } from './tree.ts';

const EXAMPLE = /@example\n```ts\n\s*\S[\s\S]*?\n```/;

interface Named {
  readonly exported: Exported;
  readonly one: Declaration | Member;
  /** `Client.get`, `connect`. */
  readonly name: string;
}

/** All that users can name: declarations and their members. */
function named(tree: Tree): Named[] {
  const all = Object.keys(SURFACES).flatMap((path) => surfaceOf(tree, path).exported);
  return all.flatMap((exported) => [
    { exported, one: exported, name: exported.name },
    ...publicMembers(exported).map((one) => {
      return { exported, one, name: `${exported.name}.${one.name}` };
    }),
  ]);
}

function breach({ exported, one, name }: Named, what: string): string {
  const { path, text } = exported.file;
  return `${path}:${lineAt(text, one.offset)}: ${name} ${what}`;
}

const documented: Rule = {
  sentence: 'every exported name of the public API, and each of its members, has a doc comment',
  find: (tree) =>
    named(tree)
      .filter(({ one }) => !/\w/.test(one.doc ?? ''))
      .map((one) => breach(one, 'has no doc comment, say what it does or means')),
  broken: [
    { 'src/index.ts': 'export function open(): void {}' },
    { 'src/index.ts': '/** The surface. */\nexport interface Options {}' },
    { 'src/index.ts': '/***/\nexport type A = 1;' },
    { 'src/index.ts': '// A comment of another kind.\nexport type A = 1;' },
    { 'src/admin.ts': '/** A. */\nconst a = 1;\nexport type B = 1;' },
    surface('/** A. */\nexport class A {\n  get b(): B {}\n}'),
    surface('/** A. */\nexport class A {\n  /** B. */\n  b(): B {}\n  async c() {}\n}'),
    surface('/** A. */\nexport interface A {\n  readonly b?: { c: 1 };\n}'),
    surface("const C = { /** B. */ 'b-c': 1, d: 2 };\n/** A. */\nexport type A = keyof typeof C;"),
  ],
  sound: [
    surface('/** A. */\nexport class A {\n  #b = 1;\n  #c() {}\n  constructor() {}\n}'),
    surface('/** A. */\nexport class A {\n  /** B. */\n  b(): C;\n  b(c = {}): C {}\n}'),
    surface('/** A. */\nexport class A {\n  [HIDDEN]: B;\n}\nexport interface D {}'),
    surface('/** A. */\nexport interface A {\n  /** B. */\n  b: { c: 1 };\n}'),
    surface(
      'const C = { /** B. */ b: [1, { c: 2 }] };\n/** A. */\nexport type A = keyof typeof C;',
    ),
    { 'src/raft/a.ts': 'export function a() {}' },
  ],
};

/** The surface passes on a type `A`, which is declared elsewhere. */
function surface(text: string): Record<string, string> {
  return {
    'src/index.ts': "/** The surface. */\nexport type { A } from './client/a.ts';",
    'src/client/a.ts': `import './b.ts';\n${text}`,
  };
}

const OPENS = '/**\n * Opens.\n *\n * @example\n * ```ts\n * open();\n * ```\n */';

const exemplified: Rule = {
  sentence: 'every function and method of the public API has an example',
  find: (tree) =>
    named(tree)
      .filter(({ one }) => one.kind === 'function' || one.kind === 'method')
      .filter(({ one }) => !EXAMPLE.test(one.doc ?? ''))
      .map((one) => breach(one, 'has no example, show a call in 2 to 6 lines')),
  broken: [
    { 'src/index.ts': "import './a.ts';\n/** Opens. */\nexport async function open() {}" },
    {
      'src/index.ts': `import './a.ts';\n/**\n * @example\n * text\n */\nexport function open() {}`,
    },
    surface('/** A. */\nexport class A {\n  /** B. */\n  b(): void {}\n}'),
    surface('/** A. */\nexport interface A {\n  /** B. */\n  b<C>(c: C): D;\n}'),
    {
      'src/index.ts': "/** The surface. */\nexport { A } from './client/a.ts';",
      'src/client/a.ts':
        "import './b.ts';\n/** A. */\nexport class A {\n  /** B. */\n  constructor() {}\n}",
    },
  ],
  sound: [
    {
      'src/index.ts': `import './a.ts';\n${OPENS}\nexport function open() {}`,
    },
    surface('/** A. */\nexport class A {\n  /** B. */\n  readonly b = 1;\n}'),
  ],
};

const CODES = '/** A. */\nexport type A = keyof typeof C;';

const codes: Rule = {
  sentence: 'every error code says what happened, whether it took effect, and what to do',
  find: (tree) =>
    named(tree)
      .filter(({ one }) => one.kind === 'code')
      .filter(({ one }) => !/^\S[\s\S]*\n\nEffect: \S[\s\S]*\n\nDo: \S/.test(one.doc ?? ''))
      .map((one) => breach(one, 'lacks its paragraph `Effect:` or `Do:`, say both')),
  broken: [
    surface(`const C = { /** B. */ b: 1 };\n${CODES}`),
    surface(`const C = {\n/**\n * B.\n *\n * Do: c.\n */\nb: 1 };\n${CODES}`),
  ],
  sound: [
    surface(`const C = {\n/**\n * B.\n *\n * Effect: c.\n *\n * Do: d.\n */\nb: 1 };\n${CODES}`),
  ],
};

const nameable: Rule = {
  sentence: 'every type in the signatures of the public API is exported with them',
  find: (tree) =>
    Object.keys(SURFACES).flatMap((path) => {
      const { exported, missing } = surfaceOf(tree, path);
      // Tools import the other surface as well.
      const names = new Set(
        Object.keys(SURFACES).flatMap((one) => {
          return surfaceOf(tree, one).exported.map(({ name }) => name);
        }),
      );
      return [
        ...missing.map((name) => `${path}:1: exports ${name}, which is not declared there`),
        ...exported.flatMap((one) => unnamed(one, names)),
      ];
    }),
  broken: [
    surface("import type { B } from './b.ts';\n/** A. */\nexport class A {\n  b(c: B): void {}\n}"),
    surface('interface B {}\n/** A. */\nexport interface A extends B {\n}'),
    surface('export type B = 1;\n/** A. */\nexport type A = readonly B[];'),
    {
      'src/index.ts': "export { a } from './client/a.ts';",
      'src/client/a.ts': 'export const b = 1;',
    },
  ],
  sound: [
    surface("import type { B } from './b.ts';\n/** A. */\nexport class A {\n  #b: B;\n}"),
    surface(
      'interface B {}\n/** A. */\nexport class A<V> {\n  c: C<V>;\n  constructor(d: B) {}\n}',
    ),
    surface("const B = {};\n/** A. */\nexport type A = keyof typeof B | 'B';"),
  ],
};

/** Internal types that a signature names and users cannot. */
function unnamed(exported: Exported, names: ReadonlySet<string>): string[] {
  const { file } = exported;
  const signatures = [exported, ...publicMembers(exported)].flatMap((one) => one.signatures);
  const said = signatures.join('\n').replace(/'[^']*'|\btypeof \w+/g, '');
  const own = [...file.code.matchAll(/\b(?:interface|type|class)\s+([A-Z]\w*)/g)];
  const houseTypes = new Set([
    ...own.map(([, name = '']) => name),
    ...file.imports.flatMap((one) => (one.target === undefined ? [] : one.names)),
  ]);
  const missing = new Set([...said.matchAll(/\b[A-Z]\w*/g)].map(([name]) => name));
  return [...missing]
    .filter((name) => houseTypes.has(name) && !names.has(name))
    .map((name) => {
      const line = lineAt(file.text, exported.offset);
      return `${file.path}:${line}: ${exported.name} names ${name}, export it or inline it`;
    });
}

export const API_RULES: readonly Rule[] = [documented, exemplified, codes, nameable];
