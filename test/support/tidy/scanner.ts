/**
 * Tells code from comments and from the contents of literals. It knows TypeScript's lexical
 * grammar and no more, which is all that the tidy rules need.
 */

export interface Scan {
  /** The text with every comment and literal content blanked; offsets and lines are unchanged. */
  readonly code: string;
  /** The text with everything but the comments blanked. */
  readonly comments: string;
}

type Kind = 'code' | 'comment' | 'literal';

/** After these words a slash begins a regular expression; after any other word it divides. */
const WORDS_BEFORE_PATTERN =
  /(?:^|[^\w$.])(?:return|typeof|case|of|in|do|else|void|delete|throw|new|await|yield)$/;

export function scan(text: string): Scan {
  return new Scanner(text).scan();
}

class Scanner {
  readonly #text: string;
  readonly #kinds: Kind[];
  #at = 0;
  /** The last significant character, and the code up to it, decide what a slash means. */
  #last = -1;
  /** For each open template hole, the depth of braces inside it. */
  readonly #holes: number[] = [];

  constructor(text: string) {
    this.#text = text;
    this.#kinds = new Array<Kind>(text.length).fill('code');
  }

  scan(): Scan {
    if (this.#text.startsWith('#!')) this.#mark('comment', this.#endOfLine());
    while (this.#at < this.#text.length) this.#token();
    return { code: this.#blanked('code'), comments: this.#blanked('comment') };
  }

  #token(): void {
    const character = this.#text.charAt(this.#at);
    if (this.#text.startsWith('//', this.#at)) this.#mark('comment', this.#endOfLine());
    else if (this.#text.startsWith('/*', this.#at)) this.#mark('comment', this.#endOf('*/'));
    else if (character === "'" || character === '"') this.#quoted(character);
    else if (character === '`') this.#template();
    else if (character === '/' && this.#isPatternNext()) this.#pattern();
    else if (character === '{' && this.#holes.length > 0) this.#nest(1);
    else if (character === '}' && this.#holes.length > 0) this.#nest(-1);
    else this.#plain();
  }

  #plain(): void {
    if (!/\s/.test(this.#text.charAt(this.#at))) this.#last = this.#at;
    this.#at++;
  }

  #mark(kind: Kind, end: number): void {
    this.#kinds.fill(kind, this.#at, end);
    this.#at = end;
  }

  #endOfLine(): number {
    const end = this.#text.indexOf('\n', this.#at);
    return end < 0 ? this.#text.length : end;
  }

  #endOf(mark: string): number {
    const end = this.#text.indexOf(mark, this.#at + mark.length);
    return end < 0 ? this.#text.length : end + mark.length;
  }

  /** Steps over a delimiter, then blanks up to where `isEnd` holds. */
  #literal(isEnd: (at: number) => boolean): void {
    this.#plain();
    let end = this.#at;
    while (end < this.#text.length && !isEnd(end)) end += this.#text[end] === '\\' ? 2 : 1;
    this.#mark('literal', Math.min(end, this.#text.length));
  }

  #quoted(quote: string): void {
    this.#literal((at) => this.#text[at] === quote || this.#text[at] === '\n');
    this.#plain();
  }

  #template(): void {
    this.#literal((at) => this.#text[at] === '`' || this.#text.startsWith('${', at));
    if (this.#text[this.#at] === '$') {
      this.#holes.push(0);
      this.#plain();
    }
    this.#plain();
  }

  /** A brace inside a template hole; the one that closes the hole resumes the template. */
  #nest(change: number): void {
    const depth = (this.#holes.pop() ?? 0) + change;
    if (depth < 0) {
      this.#template();
    } else {
      this.#holes.push(depth);
      this.#plain();
    }
  }

  #isPatternNext(): boolean {
    if (this.#last < 0) return true;
    if (!/[\w$)\]}'"`]/.test(this.#text.charAt(this.#last))) return true;
    return WORDS_BEFORE_PATTERN.test(this.#text.slice(Math.max(0, this.#last - 9), this.#last + 1));
  }

  #pattern(): void {
    let isInClass = false;
    this.#literal((at) => {
      const character = this.#text[at];
      if (character === '[') isInClass = true;
      if (character === ']') isInClass = false;
      return character === '\n' || (character === '/' && !isInClass);
    });
    this.#plain();
  }

  #blanked(kept: Kind): string {
    let blanked = '';
    for (let at = 0; at < this.#text.length; at++) {
      const isKept = this.#kinds[at] === kept || this.#text[at] === '\n';
      blanked += isKept ? this.#text[at] : ' ';
    }
    return blanked;
  }
}
