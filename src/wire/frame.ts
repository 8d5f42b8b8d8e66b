/** A frame: the messages of one node to another in one turn, for all shards. */

import { assert } from '../base/assert.ts';
import { WIRE_LIMITS } from '../base/limits.ts';
import { Reader, Writer } from '../base/message-pack.ts';
import type { Heartbeat, HeartbeatResponse, Message } from '../raft/message.ts';
import {
  BEAT_BYTES_MIN,
  bytesMaxOf,
  readHeartbeat,
  readHeartbeatResponse,
  SINGLE,
  TYPE,
  writeHeartbeat,
  writeHeartbeatResponse,
} from './raft-message.ts';

/** The shortest message: a header, a type, and one group or the four numbers of an envelope. */
const MESSAGE_BYTES_MIN = 3;

/** The headers of a frame and of its groups. */
const HEADERS_BYTES_MAX = 16;

/** One buffer serves all frames: encoding is synchronous and the result is a copy. */
const writer = new Writer();

/**
 * The bytes belong to the caller. Heartbeats of all shards travel as one message each way (thesis
 * §6.2, multi-Raft): heartbeats stand first, then their responses, then all other messages in the
 * given order.
 *
 * Required: no more messages and bytes than `WIRE_LIMITS` allows. `bytesMax`, if it is known: at
 * least the size of the frame.
 */
export function encodeFrame(messages: readonly Message[], bytesMax = 0): Uint8Array {
  assert(messages.length <= WIRE_LIMITS.messagesMax, 'a frame is within its limit of messages');
  writer.clear();
  writer.expect(bytesMax);
  let heartbeats = 0;
  let responses = 0;
  for (const message of messages) {
    if (message.type === 'heartbeat') heartbeats += 1;
    else if (message.type === 'heartbeat-response') responses += 1;
  }
  const groups = (heartbeats > 0 ? 1 : 0) + (responses > 0 ? 1 : 0);
  writer.array(groups + messages.length - heartbeats - responses);
  if (heartbeats > 0) openGroup(TYPE.heartbeats, heartbeats);
  for (const message of messages) {
    if (message.type === 'heartbeat') writeHeartbeat(writer, message);
  }
  if (responses > 0) openGroup(TYPE.heartbeatResponses, responses);
  for (const message of messages) {
    if (message.type === 'heartbeat-response') writeHeartbeatResponse(writer, message);
  }
  for (const message of messages) {
    if (message.type === 'heartbeat' || message.type === 'heartbeat-response') continue;
    SINGLE.write(writer, message);
  }
  assert(writer.length <= WIRE_LIMITS.frameBytesMax, 'a frame is within its limit of bytes');
  return writer.take();
}

/** The same for any number of messages: as many frames as the limits require, in order. */
export function encodeFrames(messages: readonly Message[]): readonly Uint8Array[] {
  const frames: Uint8Array[] = [];
  let from = 0;
  let bytes = HEADERS_BYTES_MAX;
  for (let at = 0; at < messages.length; at++) {
    const more = bytesMaxOf(messages[at] as Message);
    const isFull = bytes + more > WIRE_LIMITS.frameBytesMax || at - from >= WIRE_LIMITS.messagesMax;
    if (isFull && at > from) {
      frames.push(encodeFrame(messages.slice(from, at), bytes));
      from = at;
      bytes = HEADERS_BYTES_MAX;
    }
    bytes += more;
  }
  if (from < messages.length) frames.push(encodeFrame(messages.slice(from), bytes));
  return frames;
}

/**
 * The messages of a frame; undefined if its form is not exactly what `encodeFrame` makes. A message
 * may still contain nonsense: each receiver calls `faultOf`, so that one shard's bad message does
 * not cost the others their heartbeats.
 *
 * Required: the caller gives the bytes away. Payloads are views on them, so the buffer must not be
 * written to or returned to a pool. The messages keep it alive.
 */
export function decodeFrame(bytes: Uint8Array): readonly Message[] | undefined {
  if (bytes.length > WIRE_LIMITS.frameBytesMax) return undefined;
  const reader = new Reader(bytes);
  const messages: Message[] = [];
  const count = reader.array(WIRE_LIMITS.messagesMax, MESSAGE_BYTES_MIN);
  let last = 0;
  for (let at = 0; at < count && !reader.isBroken; at++) {
    const length = reader.array(WIRE_LIMITS.messagesMax + 1, 1);
    const number = reader.count();
    // Groups stand in front and occur once: any other order would be a second encoding.
    const isInPlace = number > last || number > TYPE.heartbeatResponses;
    last = Math.max(last, number);
    if (!isInPlace || !readMessages(reader, { number, length }, messages)) reader.break();
  }
  return reader.isBroken || reader.left > 0 ? undefined : messages;
}

function openGroup(type: number, count: number): void {
  writer.array(count + 1);
  writer.count(type);
}

/** Reads one message, or one group of heartbeats. Returns false for too many. */
function readMessages(
  reader: Reader,
  opening: { readonly number: number; readonly length: number },
  messages: Message[],
): boolean {
  switch (opening.number) {
    case TYPE.heartbeats:
      return readGroup(reader, opening.length - 1, messages, readHeartbeat);
    case TYPE.heartbeatResponses:
      return readGroup(reader, opening.length - 1, messages, readHeartbeatResponse);
    default:
      messages.push(SINGLE.readRest(reader, opening));
      return messages.length <= WIRE_LIMITS.messagesMax;
  }
}

function readGroup(
  reader: Reader,
  count: number,
  messages: Message[],
  readBeat: (reader: Reader) => Heartbeat | HeartbeatResponse,
): boolean {
  if (count < 1 || messages.length + count > WIRE_LIMITS.messagesMax) return false;
  if (count * BEAT_BYTES_MIN > reader.left) return false;
  for (let at = 0; at < count && !reader.isBroken; at++) messages.push(readBeat(reader));
  return true;
}
