/** A process that streams a large file into a file system, or out of it, and says what it took. */

import { createHash } from 'node:crypto';
import { readFileSync } from 'node:fs';
import { Readable } from 'node:stream';
import { pipeline } from 'node:stream/promises';
import { openFiles } from '../../src/files.ts';
import { connect } from '../../src/index.ts';

const MIB = 1024 * 1024;
const [url = '', verb = '', path = '', mebibytes = '0'] = process.argv.slice(2);

function peakBytes(): number {
  return Number(/VmHWM:\s+(\d+) kB/.exec(readFileSync('/proc/self/status', 'utf8'))?.[1]) * 1024;
}

/** No two chunks of it are equal. */
function* parts(): Generator<Buffer> {
  for (let at = 0; at < Number(mebibytes); at++) {
    const part = Buffer.alloc(MIB, `${at} of ${mebibytes} `);
    for (let offset = 0; offset < MIB; offset += 4096)
      part.writeUInt32LE(at * MIB + offset, offset);
    yield part;
  }
}

const kv = await connect(url);
const fs = await openFiles(kv);
// What is loaded and compiled for any file is not what a large one takes.
await fs.writeFile('/small', new Uint8Array(MIB));
await fs.readFile('/small');
const before = peakBytes();
const started = performance.now();
const hash = createHash('sha256');
const stream =
  verb === 'write' ? Readable.from(parts(), { objectMode: false }) : fs.createReadStream(path);
stream.on('data', (part: Buffer) => hash.update(part));
if (verb === 'write') await pipeline(stream, fs.createWriteStream(path));
else for await (const _ of stream);
const milliseconds = performance.now() - started;
const taken = peakBytes() - before;
console.log(JSON.stringify({ taken, milliseconds, hash: hash.digest('hex') }));
await fs.close();
await kv.close();
