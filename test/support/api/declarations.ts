/** The declarations of a source file: their comments, signatures and members, without bodies. */

import type { SourceFile } from '../tidy/tree.ts';

export interface Declaration {
  readonly kind: 'function' | 'class' | 'interface' | 'type' | 'const';
  readonly name: string;
  readonly offset: number;
  readonly doc: string | undefined;
  /** One for each overload. */
  readonly signatures: readonly string[];
  readonly members: readonly Member[];
}

export interface Member {
  readonly kind: 'method' | 'property' | 'code';
  readonly name: string;
  readonly offset: number;
  readonly doc: string | undefined;
  readonly signatures: readonly string[];
}

/** A statement or a member: its place in the file. */
interface Piece {
  readonly from: number;
  readonly to: number;
}

const DECLARED =
  /^export\s+(?:declare\s+|async\s+)*(function|class|interface|type|const)\s+([\w$]+)/;
const KEYS_OF = /=\s*keyof\s+typeof\s+([\w$]+)/;

/** Only the exported ones. */
export function declarationsIn(file: SourceFile): readonly Declaration[] {
  const pieces = piecesOf(file.code, { from: 0, to: file.code.length });
  const found: Declaration[] = [];
  for (const piece of pieces) {
    const match = DECLARED.exec(file.code.slice(piece.from, piece.to));
    if (match === null) continue;
    const kind = match[1] as Declaration['kind'];
    const name = match[2] ?? '';
    const overloaded = found.at(-1);
    if (kind === 'function' && overloaded?.name === name) continue;
    found.push({
      kind,
      name,
      offset: piece.from,
      doc: docAt(file, piece.from),
      signatures: [signatureOf(file, piece, kind)],
      members: membersOf(file, piece, { kind, pieces }),
    });
  }
  return found;
}

function membersOf(
  file: SourceFile,
  piece: Piece,
  { kind, pieces }: { readonly kind: Declaration['kind']; readonly pieces: readonly Piece[] },
): readonly Member[] {
  if (kind === 'class' || kind === 'interface') {
    const body = bodyOf(file.code, piece);
    return body === undefined ? [] : grouped(file, piecesOf(file.code, body));
  }
  const table = KEYS_OF.exec(file.code.slice(piece.from, piece.to))?.[1];
  const tablePiece = pieces.find(({ from }) => {
    return new RegExp(`^(?:export\\s+)?const\\s+${table}\\b`).test(file.code.slice(from));
  });
  return tablePiece === undefined ? [] : codesOf(file, tablePiece);
}

/** The keys of an object, as a type that is `keyof typeof` of it has them. */
function codesOf(file: SourceFile, piece: Piece): Member[] {
  const body = bodyOf(file.code, piece);
  if (body === undefined) return [];
  return piecesOf(file.code, body, ',').map(({ from }) => {
    const name = /^(?:'([^']*)'|([\w$]+))/.exec(file.text.slice(from));
    const doc = docAt(file, from);
    return { kind: 'code', name: name?.[1] ?? name?.[2] ?? '', offset: from, doc, signatures: [] };
  });
}

const MEMBER =
  /^(?:(?:readonly|static|async|override|get|set|declare)\s+)*\*?\s*(#?[\w$]+|\[[\w$.]+\])\s*(\??)/;

/** Without private members, and those whose name only the library knows. */
function grouped(file: SourceFile, pieces: readonly Piece[]): Member[] {
  const members: Member[] = [];
  for (const piece of pieces) {
    const code = file.code.slice(piece.from, piece.to);
    const match = MEMBER.exec(code);
    const name = match?.[1] ?? '';
    if (match === null || name.startsWith('#') || /^\[(?!Symbol\.)/.test(name)) continue;
    const isMethod = /^\s*[(<]/.test(code.slice(match[0].length)) && !/^get\s/.test(code);
    const kind = isMethod ? 'method' : 'property';
    const signature = signatureOf(file, piece, kind);
    const last = members.at(-1);
    if (last?.name !== name) {
      const doc = docAt(file, piece.from);
      members.push({ kind, name, offset: piece.from, doc, signatures: [signature] });
    } else if (bodyOf(file.code, piece) === undefined || !isMethod) {
      // The implementation behind overloads is not part of the public signature.
      members.push({ ...last, signatures: [...last.signatures, signature] });
      members.splice(-2, 1);
    }
  }
  return members;
}

/** The text of the comment right before, without its stars. */
function docAt({ text }: SourceFile, offset: number): string | undefined {
  const end = text.slice(0, offset).trimEnd().length;
  if (!text.startsWith('*/', end - 2)) return undefined;
  const start = text.lastIndexOf('/**', end);
  // The comment at the top describes the file.
  if (start <= 0) return undefined;
  const lines = text.slice(start + 3, end - 2).split('\n');
  const plain = lines.map((line) => line.replace(/^\s*\* ?/, '').trimEnd());
  return plain.join('\n').trim();
}

/** Behind a closing brace these continue what was begun. */
const CONTINUES = /^(?:\[|\s*[;,|&>\]{)=.:?])/;

/** Parts of a region: each ends with the separator, or with the brace that closes its body. */
function piecesOf(code: string, region: Piece, separator = ';'): Piece[] {
  const pieces: Piece[] = [];
  let from = region.from;
  let depth = 0;
  const end = (to: number) => {
    const part = code.slice(from, to);
    if (part.trim() !== '') pieces.push({ from: from + part.search(/\S/), to });
    from = to;
  };
  for (let at = region.from; at < region.to; at++) {
    const character = code.charAt(at);
    if ('([{'.includes(character)) depth++;
    if (!')]}'.includes(character)) {
      if (character === separator && depth === 0) end(at + 1);
      continue;
    }
    depth--;
    const isClosed = character === '}' && depth === 0 && separator === ';';
    if (isClosed && !CONTINUES.test(code.slice(at + 1, region.to))) end(at + 1);
  }
  end(region.to);
  return pieces;
}

/** The inside of the last braces, if a piece ends with them or has an object behind a `=`. */
function bodyOf(code: string, { from, to }: Piece): Piece | undefined {
  const last = code.slice(from, to).trimEnd().replace(/;$/, '').length - 1 + from;
  if (code[last] !== '}') return undefined;
  let depth = 0;
  for (let at = last; at >= from; at--) {
    if (code[at] === '}') depth++;
    if (code[at] === '{') depth--;
    if (depth === 0) return { from: at + 1, to: last };
  }
  return undefined;
}

function signatureOf(file: SourceFile, piece: Piece, kind: Member['kind'] | Declaration['kind']) {
  const isGetter = /^get\s/.test(file.code.slice(piece.from));
  const body = isBodied(kind) || isGetter ? bodyOf(file.code, piece) : undefined;
  const end = body === undefined ? piece.to : body.from - 1;
  const plain = withoutComments(file, { from: piece.from, to: end })
    .replace(/\s+/g, ' ')
    .replace(/([([<]) /g, '$1')
    .replace(/,? ([)\]>])/g, (whole, close) => (whole === ' >' ? whole : close))
    .replace(/^export (?:declare )?/, '')
    .replace(/\b(?:async|override) /g, '')
    .replace(/^get (\w+)\(\)/, 'readonly $1')
    .replace(/^(type [^=]*= )\| /, '$1')
    .replace(/;$/, '')
    .trim();
  if (kind === 'const') return plain.replace(/ = .*$/, '');
  return isBodied(kind) || kind === 'property' ? withoutDefaults(plain) : plain;
}

function isBodied(kind: Member['kind'] | Declaration['kind']): boolean {
  return ['function', 'method', 'class', 'interface'].includes(kind);
}

function withoutComments({ text, comments }: SourceFile, { from, to }: Piece): string {
  let plain = '';
  for (let at = from; at < to; at++) plain += /\s/.test(comments[at] ?? ' ') ? text[at] : '';
  return plain;
}

/** A parameter with a default is optional; a destructured one is named after its type. */
function withoutDefaults(signature: string): string {
  return signature
    .replace(
      /\{[^{}]*\}(?=: [A-Z])(: (\w+))/g,
      (_, typed, type) => `${parameterNamed(type)}${typed}`,
    )
    .replace(/(\w+)(: (?:[^=(){},]|\{[^{}]*\})+?) = (?:\{\}|[^,){}]+)/g, '$1?$2')
    .replace(/^\*/, '');
}

function parameterNamed(type: string): string {
  const word = type.replace(/^.*(?=[A-Z])/, '');
  return word.charAt(0).toLowerCase() + word.slice(1);
}
