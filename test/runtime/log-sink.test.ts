/** Logging never blocks, is bounded, and reports dropped lines. */

import { deepEqual, equal, match, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { LogSink } from '../../src/runtime/log-sink.ts';
import { LOG_SINK_LIMITS } from '../../src/runtime/log-sink-limits.ts';

const { bytesMax } = LOG_SINK_LIMITS;

/** Accepts a number of bytes and then no more, until it is given room. */
class Pipe {
  room = 0;
  fault = 'EAGAIN';
  calls = 0;
  #taken = '';

  readonly outlet = {
    write: (bytes: Uint8Array, done: (written: number, fault: string | undefined) => void) => {
      this.calls += 1;
      const written = Math.min(this.room, bytes.length);
      this.room -= written;
      this.#taken += Buffer.from(bytes.subarray(0, written)).toString();
      done(written, written < bytes.length ? this.fault : undefined);
    },
  };

  readonly sink = new LogSink({ openOutlet: () => this.outlet });

  get lines(): readonly string[] {
    return this.#taken.split('\n').filter((line) => line !== '');
  }
}

test('lines are written whole and in order, however much a reader accepts at a time', async () => {
  const pipe = new Pipe();
  const said = Array.from({ length: 50 }, (_, at) => `line ${at}`);
  for (const line of said) pipe.sink.write(`${line}\n`);
  deepEqual(pipe.lines, [], 'nothing waits for the reader');
  for (let at = 0; at < 60; at++) {
    pipe.room = 11;
    await pipe.sink.end(0);
  }
  deepEqual(pipe.lines, said);
});

test('unread lines are dropped beyond a bound, and the drop is reported', async () => {
  const pipe = new Pipe();
  const line = `${'x'.repeat(1023)}\n`;
  for (let at = 0; at < 3000; at++) pipe.sink.write(line);
  ok(pipe.calls < 10, `it is left alone between tries: ${pipe.calls}`);
  pipe.room = 1e9;
  await pipe.sink.end(1000);
  equal(pipe.lines.length, bytesMax / 1024 + 1);
  const confession = JSON.parse(pipe.lines.at(-1) ?? '');
  deepEqual([confession.level, confession.dropped], [40, 3000 - bytesMax / 1024]);
  match(
    pipe.lines.at(-1) ?? '',
    /log lines were dropped here: its reader or its disk was too slow/,
  );
  pipe.sink.write('more\n');
  deepEqual(pipe.lines.at(-1), 'more');
});

test('the fatal line of a node is never dropped', async () => {
  const pipe = new Pipe();
  pipe.room = 5;
  for (let at = 0; at < 3000; at++) pipe.sink.write(`${'x'.repeat(1023)}\n`);
  pipe.sink.write('{"level":60,"msg":"the node ended by itself"}\n');
  pipe.room = 1e9;
  await pipe.sink.end(1000);
  ok(pipe.lines.some((line) => line.includes('the node ended by itself')));
  ok(
    pipe.lines.every((line) => line.startsWith('{') || line.length === 1023),
    'no line is cut',
  );
});

test('the end of a node waits for a reader, and not for ever', async () => {
  const pipe = new Pipe();
  pipe.sink.write('a\n');
  await pipe.sink.end(1);
  deepEqual(pipe.lines, []);
  const ended = pipe.sink.end(10_000);
  pipe.room = 100;
  await ended;
  deepEqual(pipe.lines, ['a'], 'it tried again by itself');
});

test('a full disk gets the rest when it has room again', async () => {
  const pipe = new Pipe();
  pipe.fault = 'ENOSPC';
  pipe.room = 3;
  pipe.sink.write('one\ntwo\n');
  deepEqual(pipe.lines, ['one']);
  pipe.room = 100;
  await pipe.sink.end(10_000);
  deepEqual(pipe.lines, ['one', 'two']);
});

test('a write that completes later continues from there', async () => {
  const taken: string[] = [];
  const openOutlet = () => ({
    write: (bytes: Uint8Array, done: (written: number, fault: string | undefined) => void) => {
      taken.push(Buffer.from(bytes).toString());
      setImmediate(() => done(bytes.length, undefined));
    },
  });
  const sink = new LogSink({ openOutlet });
  for (const text of ['a\n', 'b\n', 'c\n']) sink.write(text);
  await sink.end(10_000);
  deepEqual(taken, ['a\n', 'b\nc\n'], 'those that came meanwhile leave together');
});
