/** Frames that no sound peer makes, each for one reason. All are refused, none throws. */

import { equal, notEqual, ok } from 'node:assert/strict';
import { test } from 'node:test';
import { WIRE_LIMITS } from '../../src/base/limits.ts';
import { decodeFrame } from '../../src/wire/frame.ts';

/** Campaign now: shard 1, from 2, to 3, term 4. */
const SINGLE = [0x95, 9, 1, 2, 3, 4];
/** A heartbeat without its group. */
const BEAT = [0x9b, 1, 2, 3, 4, 5, 6, 1, 1, 0xc2, 0xc3, 7];
const RESPONSE = [0x96, 1, 2, 3, 4, 5, 6];
/** An append up to its entries. */
const APPEND = [0x9c, 5, 1, 2, 3, 4, 1, 1, 0, 0, 1, 1];
/** A snapshot chunk up to its snapshot's configuration. */
const CHUNK = [0x9a, 7, 1, 2, 3, 4, 0x95, 1, 1];

const SOUND: Readonly<Record<string, readonly number[]>> = {
  'a single message': [0x91, ...SINGLE],
  'a group of heartbeats': [0x91, 0x93, 1, ...BEAT, ...BEAT],
  'both groups and a single message': [0x93, 0x92, 1, ...BEAT, 0x92, 2, ...RESPONSE, ...SINGLE],
  'an append of one empty entry': [0x91, ...APPEND, 0x91, 0x92, 2, 4],
  'an append of a command': [0x91, ...APPEND, 0x91, 0x93, 1, 4, 0xc4, 1, 0xff],
};

const HOSTILE: Readonly<Record<string, readonly number[]>> = {
  'nothing at all': [],
  'bytes after the end': [0x91, ...SINGLE, 0],
  'a message less than was announced': [0x92, ...SINGLE],
  'five bytes that announce an array of millions': [0xdd, 0x00, 0x7f, 0xff, 0xff],
  'an array of the greatest length there is': [0xdd, 0xff, 0xff, 0xff, 0xff],
  'arrays of millions inside each other': [
    ...[0xdd, 0x00, 0x7f, 0xff, 0xff, 0xdd, 0x00, 0x7f, 0xff, 0xff],
    ...[0xdd, 0x00, 0x7f, 0xff, 0xff, 0xdd, 0x00, 0x7f, 0xff, 0xff],
  ],
  'a long header for a short array of messages': [0xdc, 0, 1, ...SINGLE],
  'the longest header for a short array': [0xdd, 0, 0, 0, 1, ...SINGLE],
  'a long header for a message': [0x91, 0xdc, 0, 5, 9, 1, 2, 3, 4],
  'a map instead of a message': [0x91, 0x81, 9, 1],
  'a count where the message should be': [0x91, 9],
  'an unknown type': [0x91, 0x95, 11, 1, 2, 3, 4],
  'type zero': [0x91, 0x95, 0, 1, 2, 3, 4],
  'a message without a type': [0x91, 0x90],
  'a field too many': [0x91, 0x96, 9, 1, 2, 3, 4, 5],
  'a field too few': [0x91, 0x94, 9, 1, 2, 3],
  'a negative term': [0x91, 0x95, 9, 1, 2, 3, 0xff],
  'a negative term of eight bits': [0x91, 0x95, 9, 1, 2, 3, 0xd0, 0x80],
  'a signed spelling of a positive term': [0x91, 0x95, 9, 1, 2, 3, 0xd1, 1, 0],
  'a floating-point term': [0x91, 0x95, 9, 1, 2, 3, 0xcb, 0x40, 0x10, 0, 0, 0, 0, 0, 0],
  'a single-precision term': [0x91, 0x95, 9, 1, 2, 3, 0xca, 0x40, 0x80, 0, 0],
  'no term': [0x91, 0x95, 9, 1, 2, 3, 0xc0],
  'a truth for a term': [0x91, 0x95, 9, 1, 2, 3, 0xc3],
  'a text for a term': [0x91, 0x95, 9, 1, 2, 3, 0xa1, 0x34],
  'an extension for a term': [0x91, 0x95, 9, 1, 2, 3, 0xd4, 1, 4],
  'a record definition for a term': [0x91, 0x95, 9, 1, 2, 3, 0xd4, 0x72, 0x40],
  'the byte that MessagePack never uses': [0x91, 0x95, 9, 1, 2, 3, 0xc1],
  'eight bits for a small term': [0x91, 0x95, 9, 1, 2, 3, 0xcc, 0x7f],
  'sixteen bits for eight': [0x91, 0x95, 9, 1, 2, 3, 0xcd, 0, 0xff],
  'thirty-two bits for sixteen': [0x91, 0x95, 9, 1, 2, 3, 0xce, 0, 0, 0xff, 0xff],
  'sixty-four bits for thirty-two': [0x91, 0x95, 9, 1, 2, 3, 0xcf, 0, 0, 0, 0, 255, 255, 255, 255],
  'a term of 2^52 + 1': [0x91, 0x95, 9, 1, 2, 3, 0xcf, 0, 0x10, 0, 0, 0, 0, 0, 1],
  'the greatest term of sixty-four bits': [0x91, 0x95, 9, 1, 2, 3, 0xcf, ...Array(8).fill(0xff)],
  'a term cut off in its middle': [0x91, 0x95, 9, 1, 2, 3, 0xce, 1, 2],
  'a heartbeat outside its group': [0x91, ...BEAT],
  'a group of no heartbeats': [0x91, 0x91, 1],
  'two groups of heartbeats': [0x92, 0x92, 1, ...BEAT, 0x92, 1, ...BEAT],
  'responses before heartbeats': [0x92, 0x92, 2, ...RESPONSE, 0x92, 1, ...BEAT],
  'heartbeats after a single message': [0x92, ...SINGLE, 0x92, 1, ...BEAT],
  'a group that announces more than there is': [0x91, 0xdc, 0xff, 0xff, 1, ...BEAT],
  'a heartbeat that is a response': [0x91, 0x92, 1, ...RESPONSE],
  'a one for a truth': [0x91, 0x92, 1, ...BEAT.slice(0, -2), 1, 7],
  'an answer that does not exist': [0x91, 0x9a, 6, 1, 2, 3, 4, 4, 1, 1, 1, 0],
  'an append that announces millions of entries': [0x91, ...APPEND, 0xdd, 0, 0x7f, 0xff, 0xff],
  'a kind of entry that does not exist': [0x91, ...APPEND, 0x91, 0x92, 4, 4],
  'an empty entry with a payload': [0x91, ...APPEND, 0x91, 0x93, 2, 4, 0xc4, 0],
  'a command without a payload': [0x91, ...APPEND, 0x91, 0x92, 1, 4],
  'a command whose payload is a text': [0x91, ...APPEND, 0x91, 0x93, 1, 4, 0xd9, 1, 0x61],
  'a payload longer than the frame': [0x91, ...APPEND, 0x91, 0x93, 1, 4, 0xc6, 0, 0x20, 0, 0],
  'sixteen bits for the length of a short payload': [
    ...[0x91, ...APPEND, 0x91, 0x93, 1, 4, 0xc5, 0, 1, 0xff],
  ],
  'thirty-two bits for the length of a short payload': [
    ...[0x91, ...APPEND, 0x91, 0x93, 1, 4, 0xc6, 0, 0, 0, 1, 0xff],
  ],
  'a configuration of two lists': [0x91, ...APPEND, 0x91, 0x93, 3, 4, 0x92, 0x91, 1, 0x90],
  'a configuration of 33 voters': [
    ...[0x91, ...APPEND, 0x91, 0x93, 3, 4, 0x93, 0xdc, 0, 33, ...Array(33).fill(1), 0x90, 0x90],
  ],
  'a snapshot whose configuration announces millions': [
    ...[0x91, ...CHUNK, 0x93, 0xdd, 0, 0x7f, 0xff, 0xff],
  ],
  'a snapshot chunk beyond its limit': [
    ...[0x91, ...CHUNK, 0x93, 0x91, 1, 0x90, 0x90, 1, 1, 0, 0xc6, 0, 4, 0, 1],
    ...[...Array(256 * 1024 + 1).fill(7), 0xc3, 0],
  ],
};

for (const [sentence, bytes] of Object.entries(SOUND)) {
  test(`${sentence} is a frame`, () => {
    notEqual(decodeFrame(new Uint8Array(bytes)), undefined);
  });
}

for (const [sentence, bytes] of Object.entries(HOSTILE)) {
  test(`${sentence} is refused`, () => {
    equal(decodeFrame(new Uint8Array(bytes)), undefined);
  });
}

test('200 kB of nested arrays are refused', () => {
  equal(decodeFrame(new Uint8Array(200_000).fill(0x91)), undefined);
});

test('a frame beyond the limit is refused unread', () => {
  equal(decodeFrame(new Uint8Array(WIRE_LIMITS.frameBytesMax + 1)), undefined);
});

test('more heartbeats than a frame may hold are refused', () => {
  const count = WIRE_LIMITS.messagesMax + 1;
  const bytes = new Uint8Array(7 + count * BEAT.length);
  bytes.set([0x91, 0xdd, 0, 1, 0, 2, 1]);
  for (let at = 0; at < count; at++) bytes.set(BEAT, 7 + at * BEAT.length);
  equal(decodeFrame(bytes), undefined);
});

test('a header alone allocates nothing', () => {
  const bombs = [
    new Uint8Array([0xdd, 0x00, 0x7f, 0xff, 0xff]),
    new Uint8Array([0x91, ...APPEND, 0xdd, 0, 7, 0xff, 0xff]),
    new Uint8Array([0x91, 0xdd, 0, 0, 0xff, 0xff, 1, ...BEAT]),
    new Uint8Array([0x91, ...APPEND, 0x91, 0x93, 1, 4, 0xc6, 0, 0x3f, 0xff, 0xff]),
  ];
  const before = process.memoryUsage();
  for (let round = 0; round < 1000; round++) for (const bomb of bombs) decodeFrame(bomb);
  const after = process.memoryUsage();
  ok(after.heapUsed + after.external - before.heapUsed - before.external < 8 * 1024 * 1024);
});

test('the most wasteful frame there is takes no more than forty times its size', () => {
  const entry = [0x93, 1, 4, 0xc4, 0];
  const count = WIRE_LIMITS.entriesMax;
  const bytes = new Uint8Array(1 + APPEND.length + 5 + count * entry.length);
  bytes.set([0x91, ...APPEND, 0xdd, count >>> 24, count >>> 16, count >>> 8, count]);
  const from = 1 + APPEND.length + 5;
  for (let at = 0; at < count; at++) bytes.set(entry, from + at * entry.length);
  const before = process.memoryUsage().heapUsed;
  const messages = decodeFrame(bytes);
  const taken = process.memoryUsage().heapUsed - before;
  equal(messages?.length, 1);
  ok(taken < 40 * bytes.length, `${taken} bytes for a frame of ${bytes.length}`);
});
