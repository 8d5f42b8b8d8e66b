/** One call of kvctl in this process, with what it wrote where. */

import { Readable, Writable } from 'node:stream';
import { main } from '../../cli/main.ts';
import type { Store } from '../../cli/store.ts';

export interface Called {
  readonly exit: number;
  readonly data: Buffer;
  readonly notes: string;
}

interface Scene {
  readonly store?: Store;
  readonly environment?: NodeJS.ProcessEnv;
  readonly input?: Uint8Array;
  /** Standard input is a terminal: the user types these lines, then Ctrl-D. */
  readonly lines?: readonly string[];
  /** Standard output is a terminal. */
  readonly columns?: number;
}

export async function kvctl(words: readonly string[], scene: Scene = {}): Promise<Called> {
  const { store, environment = {}, input = new Uint8Array(), lines, columns } = scene;
  const data: Buffer[] = [];
  const notes: Buffer[] = [];
  const watched = columns === undefined ? {} : { isTTY: true, columns };
  const exit = await main({
    words,
    environment,
    input:
      lines === undefined
        ? Readable.from([Buffer.from(input)])
        : Object.assign(Readable.from(lines.map((line) => Buffer.from(line))), { isTTY: true }),
    data: Object.assign(sinkInto(data), watched),
    notes: Object.assign(sinkInto(notes), watched),
    readVersion: () => '0.1.0',
    connect: () => {
      return store === undefined ? Promise.reject(new Error('no store')) : Promise.resolve(store);
    },
  });
  return { exit, data: Buffer.concat(data), notes: Buffer.concat(notes).toString() };
}

function sinkInto(chunks: Buffer[]): Writable {
  return new Writable({
    write: (chunk, _encoding, done) => {
      chunks.push(Buffer.from(chunk));
      done();
    },
  });
}
