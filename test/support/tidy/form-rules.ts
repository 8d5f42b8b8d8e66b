/** How files are named and which forms of the language and of the project are not used. */

import { findMatches, lineAt, type Rule } from './tree.ts';

/** What the package exports: `ringkv`, `ringkv/admin`, `testkit`, `queue`, `tables`, `files`. */
const SURFACES = ['index', 'admin', 'testkit', 'queue', 'tables', 'files'].map(
  (name) => `src/${name}.ts`,
);
const FILE_NAME = /^[a-z0-9]+(-[a-z0-9]+)*((\.slow)?\.test|\.bench)?\.ts$/;
const FOLDER_NAME = /^[a-z0-9]+(-[a-z0-9]+)*$/;

/** Agreed once; any other dependency has its reason written in src/README.md. */
const AGREED =
  /^(?:ws|msgpackr|classic-level|commander|pino|tinybench|typescript|@biomejs\/biome|@types\/.+)$/;

/** Absolute paths of one machine, put together here so that this file does not hold one. */
const WORKPLACES = [
  ['', 'work', ''],
  ['', 'root', ''],
  ['', 'tmp', 'bash_jobs'],
].map((parts) => parts.join('/'));

const names: Rule = {
  sentence: 'files and folders have kebab-case names',
  find: (tree) =>
    tree.sources
      .filter(({ path }) => {
        const folders = path.split('/');
        const name = folders.pop() ?? '';
        return !FILE_NAME.test(name) || !folders.every((folder) => FOLDER_NAME.test(folder));
      })
      .map(({ path }) => `${path}:1: is not in kebab-case, rename it`),
  broken: [
    { 'src/raft/readIndex.ts': '' },
    { 'src/raft/read_index.ts': '' },
    { 'src/Raft/read.ts': '' },
    { 'test/raft/read.spec.ts': '' },
    { 'test/raft/read.slow.ts': '' },
  ],
  sound: [
    {
      'src/raft/read-index.ts': '',
      'test/raft/read-index-2.test.ts': '',
      'test/a.slow.test.ts': '',
    },
  ],
};

const barrels: Rule = {
  sentence: `only ${SURFACES.join(' and ')} pass on what other files export`,
  find: (tree) =>
    tree.sources
      .filter(({ path }) => !SURFACES.includes(path))
      .flatMap(({ path, imports }) => [
        ...(/(?:^|\/)index\.ts$/.test(path)
          ? [`${path}:1: is a barrel, import the file itself`]
          : []),
        ...imports
          .filter(({ isExport }) => isExport)
          .map(({ line }) => `${path}:${line}: passes on an export, import the file itself`),
      ]),
  broken: [
    { 'src/raft/index.ts': '' },
    { 'src/raft/a.ts': "export * from './b.ts';" },
    { 'src/raft/a.ts': "export type { B } from './b.ts';" },
    { 'test/a.ts': "export { b } from './b.ts';" },
  ],
  sound: [
    ...SURFACES.map((path) => ({ [path]: "export { b } from './client/b.ts';" })),
    { 'src/raft/a.ts': "import { b } from './b.ts';\nexport const index = b;\nexport { c };" },
  ],
};

const forms: Rule = {
  sentence: 'no default export, enum, namespace, inheritance or accessibility keyword',
  find: (tree) =>
    tree.sources.flatMap((file) => [
      ...findMatches(file, file.code, /\bexport\s+default\b/g, () => 'give the export a name'),
      ...findMatches(file, file.code, /\bas\s+default\b/g, () => 'give the export a name'),
      ...findMatches(
        file,
        file.code,
        /\benum\s+[\w$]+\s*\{/g,
        () => 'write the enum as a union of literals',
      ),
      ...findMatches(
        file,
        file.code,
        /\b(?:namespace|module)\s+[\w$.]+\s*\{/g,
        () => 'write the namespace as a file',
      ),
      ...findMatches(
        file,
        file.code,
        /(?:^|[({,;])\s*(?:private|protected|public)\s+(?:readonly\s+|static\s+)*[\w$#]+/gm,
        () => 'a private field is written #name',
      ),
      ...[...file.code.matchAll(/\bextends\s+([\w$.]+)[^{]*\{/g)]
        .filter((match) => isClass(file.code, match.index) && !isError(match[1] ?? ''))
        .map(
          (match) =>
            `${file.path}:${lineAt(file.code, match.index)}: extends ${match[1]}, compose instead`,
        ),
    ]),
  broken: [
    { 'src/raft/a.ts': 'export default 1;' },
    { 'src/raft/a.ts': 'const a = 1;\nexport { a as default };' },
    { 'src/raft/a.ts': 'enum A { B }' },
    { 'src/raft/a.ts': 'export const enum A { B }' },
    { 'src/raft/a.ts': 'namespace A { }' },
    { 'src/raft/a.ts': 'class A {\n  private b = 1;\n}' },
    { 'src/raft/a.ts': 'class A {\n  constructor(readonly a: number, private b: number) {}\n}' },
    { 'src/raft/a.ts': 'class A extends B {}' },
  ],
  sound: [
    { 'src/raft/a.ts': "const text = 'export default enum';\nconst enumerated = {};" },
    { 'src/raft/a.ts': 'class A extends Error {}\ninterface B extends C {}' },
    { 'src/raft/a.ts': 'function a<T extends B>(): T { return b; }' },
  ],
};

function isClass(code: string, extendsAt: number): boolean {
  return /\bclass\s+(?:[\w$]+\s*)?(?:<[^{]*>\s*)?$/.test(code.slice(0, extendsAt));
}

function isError(name: string): boolean {
  return /^(?:\w*Error)$/.test(name);
}

const workplace: Rule = {
  sentence: 'no file names the place where it was written',
  find: (tree) =>
    [...tree.texts].flatMap(([path, text]) =>
      WORKPLACES.flatMap((workplace) =>
        [...text.matchAll(new RegExp(`(?<![\\w.\\-])${workplace}`, 'g'))].map(
          ({ index }) =>
            `${path}:${lineAt(text, index)}: names ${workplace}, write a relative path`,
        ),
      ),
    ),
  broken: WORKPLACES.map((workplace) => ({ 'README.md': `See\n${workplace}notes.` })),
  sound: [{ 'README.md': `See example.org${WORKPLACES[0]} and ./src${WORKPLACES[1]}a.` }],
};

const dependencies: Rule = {
  sentence: 'a dependency that was not agreed on has its reason in src/README.md',
  find: (tree) => {
    const manifest = JSON.parse(tree.texts.get('package.json') ?? '{}');
    const reasons = tree.texts.get('src/README.md') ?? '';
    return ['dependencies', 'devDependencies', 'peerDependencies', 'optionalDependencies']
      .flatMap((section) => Object.keys(manifest[section] ?? {}))
      .filter((name) => !AGREED.test(name) && !reasons.includes(`\`${name}\``))
      .map((name) => `package.json:1: ${name} is not agreed on, say why in src/README.md`);
  },
  broken: [
    { 'package.json': '{"dependencies":{"left-pad":"1"}}' },
    { 'package.json': '{"devDependencies":{"tsx":"1"}}', 'src/README.md': 'No tsx here.' },
  ],
  sound: [
    { 'package.json': '{"dependencies":{"ws":"1"},"devDependencies":{"@types/node":"1"}}' },
    { 'package.json': '{"dependencies":{"left-pad":"1"}}', 'src/README.md': '`left-pad` pads.' },
  ],
};

export const FORM_RULES: readonly Rule[] = [names, barrels, forms, workplace, dependencies];
