/** `docs/API.md`: the doc comments of the public API as a page, in the order of a reader. */

import type { Tree } from '../tidy/tree.ts';
import type { Member } from './declarations.ts';
import { type Exported, publicMembers, SURFACES, surfaceOf } from './surface.ts';

/** What stands first, in this order; the rest follows by its name. */
const FIRST = [
  'connect',
  'open',
  'Client',
  'Space',
  'Atomic',
  'Transaction',
  'Scanning',
  'KvError',
  'testkit',
];
const KINDS = ['function', 'class', 'const', 'interface', 'type'];

const HEADER = `# API

Generated from the doc comments of the sources by \`make docs\`; do not edit it. Applications
import \`ringkv\`; tools that operate a cluster also import \`ringkv/admin\`, and tests
\`ringkv/testkit\` (see \`TESTING.md\`). Durable queues are in \`ringkv/queue\`, tables in
\`ringkv/tables\`, a file system in \`ringkv/files\`. The package is ESM. In CommonJS, use
\`require('ringkv')\` on Node 20.19, 22.12 and newer, \`await import('ringkv')\` on older ones.

\`await using\` closes a client, watch, view, lease or lock at the end of its block. It is
syntax of Node 24, and of TypeScript 5.2, whose output runs on Node 20 and 22: that needs
\`@types/node\` or \`esnext.disposable\` in \`lib\`, and a \`target\` before \`esnext\`.
JavaScript on Node 20 and 22 calls \`close()\` or \`release()\` in a \`finally\` instead.

In the examples, \`kv\` is a \`Client\` and \`User\` is \`{ readonly name: string }\`; \`db\` is a
\`Database\` with a table \`users\`: its key is \`org\`, \`id\`, and rows have \`email\` and
\`age\`.`;

export function referenceOf(tree: Tree): string {
  const parts = [HEADER];
  const links = linksOf(tree);
  for (const [path, specifier] of Object.entries(SURFACES)) {
    const exported = [...surfaceOf(tree, path).exported].sort(inOrder);
    parts.push(`\n## ${specifier}\n`, contentsOf(exported));
    for (const one of exported) parts.push(sectionOf(one, links));
  }
  return parts.join('\n');
}

/** All examples of the page, each as it stands there. */
export function examplesIn(page: string): string[] {
  const [, ...blocks] = page.split('```ts example\n');
  return blocks.map((block) => block.slice(0, block.indexOf('```')));
}

function inOrder(one: Exported, other: Exported): number {
  const rank = ({ name }: Exported) => {
    const at = FIRST.indexOf(name);
    return at < 0 ? FIRST.length : at;
  };
  const kind = KINDS.indexOf(one.kind) - KINDS.indexOf(other.kind);
  return rank(one) - rank(other) || kind || (one.name < other.name ? -1 : 1);
}

function contentsOf(exported: readonly Exported[]): string {
  const rows = KINDS.flatMap((kind) => {
    const names = exported.filter((one) => one.kind === kind).map(({ name }) => name);
    if (names.length === 0) return [];
    const list = names.map((name) => `[\`${name}\`](#${anchorOf(name)})`).join(', ');
    return [`| ${PLURALS[kind]} | ${list} |`];
  });
  return ['| | |', '| --- | --- |', ...rows, ''].join('\n');
}

const PLURALS: Readonly<Record<string, string>> = {
  function: 'functions',
  class: 'classes',
  const: 'values',
  interface: 'interfaces',
  type: 'types',
};

function sectionOf(one: Exported, links: Links): string {
  const members = publicMembers(one);
  const properties = members.filter(({ kind }) => kind === 'property');
  const methods = members.filter(({ kind }) => kind === 'method');
  const codes = members.filter(({ kind }) => kind === 'code');
  return [
    `### ${one.name}\n`,
    // What is `keyof typeof` a table says nothing; the table follows.
    codes.length > 0 ? '' : declared(one.signatures),
    proseOf(one.doc, links),
    ...tableOf(properties, links),
    ...methods.map((method) => methodOf(method, one.name, links)),
    ...codes.map((code) => `#### \`${code.name}\`\n\n${proseOf(code.doc, links)}`),
  ]
    .filter((text) => text !== '')
    .join('\n');
}

function methodOf({ name, signatures, doc }: Member, owner: string, links: Links): string {
  const title = name.startsWith('[') || name === 'constructor' ? name : `${name}()`;
  return `#### ${owner} ${title}\n\n${declared(signatures)}\n${proseOf(doc, links)}`;
}

function declared(signatures: readonly string[]): string {
  return `\`\`\`ts\n${signatures.join('\n')}\n\`\`\`\n`;
}

function tableOf(properties: readonly Member[], links: Links): string[] {
  if (properties.length === 0) return [];
  const rows = properties.map(({ signatures, doc = '' }) => {
    const [, name = '', type = ''] =
      /^(?:static )?(?:readonly )?([^:=]+)(?:: | = )(.*)$/.exec(signatures[0] ?? '') ?? [];
    const text = linked(doc, links).replace(/\s+/g, ' ').replaceAll('|', '\\|');
    return `| \`${name.trim()}\` | \`${type.replaceAll('|', '\\|')}\` | ${text} |`;
  });
  return [['| property | type | |', '| --- | --- | --- |', ...rows, ''].join('\n')];
}

/** Paragraphs in one line each, examples as they are. */
function proseOf(doc: string | undefined, links: Links): string {
  const [prose = '', ...examples] = (doc ?? '').split('@example\n');
  const paragraphs = prose.trim().split(/\n\n+/);
  const texts = paragraphs.map((text) => linked(text, links).replace(/\n(?!- )/g, ' '));
  const blocks = examples.map((example) => example.trim().replace(/^```ts\n/, '```ts example\n'));
  return `${[...texts, ...blocks].join('\n\n')}\n`;
}

type Links = ReadonlySet<string>;

function linksOf(tree: Tree): Links {
  const all = Object.keys(SURFACES).flatMap((path) => surfaceOf(tree, path).exported);
  return new Set(all.map(({ name }) => name));
}

/** A name in quotes leads to its section. */
function linked(text: string, links: Links): string {
  return text.replace(/`(\w+)(\.\w+)?`/g, (whole, name: string) => {
    return links.has(name) ? `[${whole}](#${anchorOf(name)})` : whole;
  });
}

/** As GitHub makes them of headings. */
function anchorOf(name: string): string {
  return name.toLowerCase();
}
