/** The cluster membership of a node: its public answer, and how it queries other nodes. */

import { askPlainly } from '../transport/plain-question.ts';
import type { DialTls } from '../transport/tls.ts';

/** The answer at `/cluster`, available once the data folder has been read. */
export interface Affiliation {
  /** Empty while the node belongs to no cluster. */
  readonly cluster: string;
  /** 0 while it has no number. */
  readonly node: number;
  /**
   * A random number of a node that was started with `--init` and has not decided; empty otherwise.
   * Of several such nodes the one with the smallest number founds.
   */
  readonly candidate: string;
  /** It has queried all others once and may found a cluster; it queries them once more. */
  readonly isFounding: boolean;
}

export const NO_AFFILIATION: Affiliation = {
  cluster: '',
  node: 0,
  candidate: '',
  isFounding: false,
};

/** The result of a query to one URL. */
export type Probe =
  | { readonly type: 'affiliation'; readonly url: string; readonly affiliation: Affiliation }
  | { readonly type: 'silent'; readonly url: string; readonly why: string };

export const AFFILIATION_PATH = '/cluster';

const ANSWER_BYTES_MAX = 4096;
const TEXT_LENGTH_MAX = 64;
const PRINTABLE = /^[\x20-\x7e]{1,300}\n$/;
const VISIBLE = /^[\x21-\x7e]*$/;

export function affiliationText(affiliation: Affiliation): string {
  return `${JSON.stringify(affiliation)}\n`;
}

/** Undefined if the text is not an affiliation. Never throws. */
export function affiliationOf(text: string): Affiliation | undefined {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    return undefined;
  }
  if (typeof value !== 'object' || value === null) return undefined;
  const { cluster, node, candidate, isFounding } = value as Record<string, unknown>;
  if (!isShort(cluster) || !isShort(candidate) || typeof isFounding !== 'boolean') return undefined;
  if (!Number.isSafeInteger(node) || (node as number) < 0) return undefined;
  return { cluster, node: node as number, candidate, isFounding };
}

interface ProbeTerms {
  /** Of a node with TLS. */
  readonly tls?: DialTls | undefined;
  readonly timeoutMilliseconds: number;
  readonly signal?: AbortSignal | undefined;
}

export async function probe(url: string, terms: ProbeTerms): Promise<Probe> {
  const question = { url, path: AFFILIATION_PATH, bytesMax: ANSWER_BYTES_MAX };
  const reply = await askPlainly({ ...question, ...terms });
  if (reply.type === 'failed') return { type: 'silent', url, why: reply.why };
  const affiliation = reply.status === 200 ? affiliationOf(reply.body) : undefined;
  if (affiliation !== undefined) return { type: 'affiliation', url, affiliation };
  return { type: 'silent', url, why: whyOf(reply) };
}

/** A port of TLS refuses plain requests with 400, and certificates with 403, and says why. */
function whyOf({ status, body }: { readonly status: number; readonly body: string }): string {
  if (status === 503) return 'the node is starting';
  const isSaid = (status === 400 || status === 403) && PRINTABLE.test(body);
  return isSaid ? body.trim() : 'the server at this address is not a ringkv node';
}

function isShort(value: unknown): value is string {
  return typeof value === 'string' && value.length <= TEXT_LENGTH_MAX && VISIBLE.test(value);
}
