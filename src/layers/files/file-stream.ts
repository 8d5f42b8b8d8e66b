/** A stream of Node that writes one content. */

import { Writable } from 'node:stream';
import type { ContentWriter } from './content-writer.ts';
import type { StoredContent } from './records.ts';

interface StreamEnds {
  /** Before the first byte. */
  begin(): Promise<void>;
  /** Behind the last one. */
  link(content: StoredContent): Promise<void>;
  /** What a failure means for the file, which is not linked. */
  failure(error: unknown): unknown;
}

export function streamInto(writer: ContentWriter, { begin, link, failure }: StreamEnds): Writable {
  const fail = (error: unknown) => {
    throw failure(error);
  };
  return new Writable({
    construct: (done) => settle(begin(), done),
    write: (part: Uint8Array, _encoding, done) => settle(writer.write(part).catch(fail), done),
    final: (done) => settle(writer.finish().catch(fail).then(link), done),
    // Also behind the end, when the content is linked and there is nothing to abandon.
    destroy: (error, done) => {
      writer.abandon().then(() => done(error), done);
    },
  });
}

function settle(work: Promise<void>, done: (error?: Error | null) => void): void {
  work.then(
    () => done(),
    (error: unknown) => done(error instanceof Error ? error : new Error(String(error))),
  );
}
