/** A GET of a plain path of a node, as health is asked for. Bounded, and never thrown out of. */

import { type ClientRequest, request } from 'node:http';
import { request as requestSecurely } from 'node:https';

interface PlainQuestion {
  /** `ws://host:port`, as nodes are dialled. */
  readonly url: string;
  readonly path: string;
  readonly timeoutMilliseconds: number;
  readonly bytesMax: number;
  /** Ends it early. */
  readonly signal?: AbortSignal | undefined;
}

type PlainReply =
  | { readonly type: 'answered'; readonly status: number; readonly body: string }
  /** Nothing came that could be read; why. */
  | { readonly type: 'failed'; readonly why: string };

export function askPlainly(question: PlainQuestion): Promise<PlainReply> {
  const { url, path, timeoutMilliseconds, bytesMax, signal } = question;
  return new Promise((resolve) => {
    let asking: ClientRequest | undefined;
    const end = (reply: PlainReply) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      asking?.destroy();
      resolve(reply);
    };
    const fail = (why: string) => end({ type: 'failed', why });
    const stop = () => fail('it was not waited for');
    signal?.addEventListener('abort', stop);
    const timer = setTimeout(() => fail('it did not answer in time'), timeoutMilliseconds);
    try {
      const address = new URL(url.replace(/\/$/, '').replace(/^ws/, 'http') + path);
      const send = address.protocol === 'https:' ? requestSecurely : request;
      asking = send(address, { agent: false }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bytesMax) fail('its answer is longer than that of a node');
          else chunks.push(chunk);
        });
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          end({ type: 'answered', status: response.statusCode ?? 0, body });
        });
        response.on('error', ({ message }) => fail(message));
      });
      // Of an address with several numbers, each has a failure of its own, and the text is empty.
      asking.on('error', (cause: NodeJS.ErrnoException) => fail(cause.message || `${cause.code}`));
      asking.end();
    } catch (error) {
      fail((error as Error).message);
    }
  });
}
