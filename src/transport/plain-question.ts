/** One HTTP GET to a node, bounded in time and bytes. Never throws. */

import { type ClientRequest, request } from 'node:http';
import { request as requestSecurely } from 'node:https';
import { type DialTls, dialOptions } from './tls.ts';
import { dialFault } from './tls-fault.ts';

interface PlainQuestion {
  /** The address of the node: `ws://host:port`. */
  readonly url: string;
  readonly path: string;
  readonly timeoutMilliseconds: number;
  readonly bytesMax: number;
  /** The question is encrypted, whatever the scheme of the address. */
  readonly tls?: DialTls | undefined;
  /** Aborts the request. */
  readonly signal?: AbortSignal | undefined;
}

type PlainReply =
  | { readonly type: 'answered'; readonly status: number; readonly body: string }
  /** There was no readable answer, and why. */
  | { readonly type: 'failed'; readonly why: string };

export function askPlainly(question: PlainQuestion): Promise<PlainReply> {
  const { path, timeoutMilliseconds, bytesMax, signal, tls } = question;
  const url = tls === undefined ? question.url : question.url.replace(/^ws:/, 'wss:');
  return new Promise((resolve) => {
    let asking: ClientRequest | undefined;
    const end = (reply: PlainReply) => {
      clearTimeout(timer);
      signal?.removeEventListener('abort', stop);
      asking?.destroy();
      resolve(reply);
    };
    const fail = (why: string) => end({ type: 'failed', why });
    const stop = () => fail('the request was aborted');
    signal?.addEventListener('abort', stop);
    const timer = setTimeout(
      () => fail(`no answer within ${timeoutMilliseconds} ms`),
      timeoutMilliseconds,
    );
    try {
      const address = new URL(url.replace(/\/$/, '').replace(/^ws/, 'http') + path);
      const send = address.protocol === 'https:' ? requestSecurely : request;
      asking = send(address, { agent: false, ...dialOptions(tls ?? {}) }, (response) => {
        const chunks: Buffer[] = [];
        let bytes = 0;
        response.on('data', (chunk: Buffer) => {
          bytes += chunk.length;
          if (bytes > bytesMax) fail(`the answer exceeds ${bytesMax} bytes, so this is not a node`);
          else chunks.push(chunk);
        });
        response.on('end', () => {
          const body = Buffer.concat(chunks).toString('utf8');
          end({ type: 'answered', status: response.statusCode ?? 0, body });
        });
        response.on('error', ({ message }) => fail(message));
      });
      // A name with several addresses fails with one error per address and an empty message.
      asking.on('error', (cause: NodeJS.ErrnoException) =>
        fail(dialFault(cause) || `${cause.code}`),
      );
      asking.end();
    } catch (error) {
      fail((error as Error).message);
    }
  });
}
