/** Plain HTTP requests, at the port of the node and that for health: who is answered, and how. */

import type { IncomingMessage, ServerResponse } from 'node:http';
import { isMeantForUs } from './host-check.ts';
import { headersFor, judgeOrigin, PREFLIGHT_HEADERS } from './origin-check.ts';

/** The response to a GET of any other path: health, readiness, metrics. */
export interface PlainAnswer {
  readonly status: number;
  readonly contentType: string;
  readonly body: string;
  /** Beside the usual ones; none by default. */
  readonly headers?: Readonly<Record<string, string>>;
}

/** A GET, as far as answers depend on it. */
export interface PlainAsk {
  readonly path: string;
  readonly authorization: string | undefined;
  /** The other side has presented the certificate of a node. */
  readonly isNode: boolean;
}

export interface PlainRules {
  /** The host on which the node listens. */
  readonly listenHost: string;
  /** Accepted host names beside addresses and localhost. */
  readonly ownHosts: readonly string[];
  /** Origins of web pages that may ask. */
  readonly origins: readonly string[];
  /** Undefined: the path does not exist. */
  readonly answer: (ask: PlainAsk) => PlainAnswer | undefined;
}

/** What is known of the other side of the socket. */
interface Presented {
  readonly isNode: boolean;
  /** Its certificate is not accepted, and why. */
  readonly fault: string | undefined;
}

export const MISDIRECTED =
  'this node listens on loopback and does not accept the name in the Host header: use its ' +
  'address or localhost, or advertise that name';

export function answerPlainly(
  request: IncomingMessage,
  response: ServerResponse,
  { presented, ...rules }: PlainRules & { readonly presented: Presented },
): void {
  request.resume();
  const { headers, method } = request;
  const verdict = judgeOrigin(headers.origin, rules.origins);
  const answer = !isMeantForUs(headers.host, rules)
    ? plain(421, MISDIRECTED)
    : presented.fault !== undefined
      ? plain(403, presented.fault)
      : verdict.type === 'refused'
        ? plain(403, verdict.text)
        : answerTo(request, { ...rules, isNode: presented.isNode });
  response.writeHead(answer.status, {
    ...headersFor(verdict),
    ...answer.headers,
    'content-type': answer.contentType,
    'content-length': Buffer.byteLength(answer.body),
    'x-content-type-options': 'nosniff',
  });
  response.end(method === 'HEAD' ? undefined : answer.body);
}

function answerTo(
  { method, url = '', headers }: IncomingMessage,
  { answer, isNode }: PlainRules & { readonly isNode: boolean },
): PlainAnswer {
  const path = url.split('?')[0] ?? '';
  const isPreflight = method === 'OPTIONS' && headers.origin !== undefined;
  if (isPreflight) return { ...plain(204, ''), body: '', headers: PREFLIGHT_HEADERS };
  if (method !== 'GET' && method !== 'HEAD') return plain(405, 'only GET and HEAD are allowed');
  const { authorization } = headers;
  return answer({ path, authorization, isNode }) ?? plain(404, 'not found');
}

export function plain(status: number, text: string): PlainAnswer {
  return { status, contentType: 'text/plain; charset=utf-8', body: `${text}\n` };
}
