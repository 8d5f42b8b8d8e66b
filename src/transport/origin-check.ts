/**
 * Which web pages may use a node. A browser names the origin of the page with each WebSocket, and
 * with each request to another origin; programs name none. A page that is not listed is refused,
 * also one of this machine: what listens on another port of loopback is no part of the cluster.
 */

type OriginVerdict =
  /** No page asks. */
  | { readonly type: 'none' }
  | { readonly type: 'listed'; readonly origin: string }
  | { readonly type: 'refused'; readonly text: string };

const SHOWN_CHARACTERS_MAX = 80;
/** How long a browser may keep the answer to a preflight request. */
const PREFLIGHT_SECONDS = 600;

export function judgeOrigin(header: string | undefined, origins: readonly string[]): OriginVerdict {
  if (header === undefined) return { type: 'none' };
  // Compared as a whole: https://app.example is no prefix of what is allowed.
  if (origins.includes(header)) return { type: 'listed', origin: header };
  const shown = JSON.stringify(header.slice(0, SHOWN_CHARACTERS_MAX));
  const text =
    `web pages of the origin ${shown} are not allowed to use this node. ` +
    'If they may, list it in its option origins (--origins)';
  return { type: 'refused', text };
}

/** Lets the page read the answer. `vary`: for others it is another one. */
export function headersFor(verdict: OriginVerdict): Readonly<Record<string, string>> {
  const vary = { vary: 'origin' };
  return verdict.type === 'listed'
    ? { ...vary, 'access-control-allow-origin': verdict.origin }
    : vary;
}

/** The answer to a browser that asks whether a page may ask: only what reads, with a token. */
export const PREFLIGHT_HEADERS: Readonly<Record<string, string>> = {
  'access-control-allow-methods': 'GET, HEAD',
  'access-control-allow-headers': 'authorization',
  'access-control-max-age': `${PREFLIGHT_SECONDS}`,
};
