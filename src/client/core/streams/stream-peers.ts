/**
 * The open streams that send the same, and which of them are at one position: two of these need not
 * go on side by side.
 */

import type { SharedStream, StreamMember } from './shared-stream.ts';

interface Peers<Member extends StreamMember> {
  readonly streams: Set<SharedStream<Member>>;
  /** By their places. Of several with one place, which differ otherwise, the latest. */
  readonly byIndex: Map<number, SharedStream<Member>>;
}

export class StreamPeers<Member extends StreamMember> {
  /** Most streams have no peer. */
  readonly #byName = new Map<string, SharedStream<Member> | Peers<Member>>();

  add(stream: SharedStream<Member>): void {
    const { name } = stream;
    const found = this.#byName.get(name);
    if (found === undefined) {
      this.#byName.set(name, stream);
      return;
    }
    const peers = 'streams' in found ? found : peersWith(found);
    if (peers !== found) this.#byName.set(name, peers);
    peers.streams.add(stream);
    peers.byIndex.set(stream.place, stream);
  }

  remove(stream: SharedStream<Member>): void {
    const { name, place } = stream;
    const found = this.#byName.get(name);
    if (found === stream) this.#byName.delete(name);
    if (found === undefined || !('streams' in found)) return;
    found.streams.delete(stream);
    if (found.byIndex.get(place) === stream) found.byIndex.delete(place);
    const [only] = found.streams;
    if (found.streams.size === 1 && only !== undefined) this.#byName.set(name, only);
  }

  /** An open stream that sends from now on exactly what this one lacks. */
  suiting(name: string, one: Member): SharedStream<Member> | undefined {
    const found = this.#byName.get(name);
    if (found === undefined) return undefined;
    const stream = 'streams' in found ? found.byIndex.get(one.reader.index) : found;
    return stream?.suits(one) === true ? stream : undefined;
  }

  /** It has moved. Returns another one that lacks the same now. */
  move(stream: SharedStream<Member>): SharedStream<Member> | undefined {
    const { name, place } = stream;
    const { leading } = stream;
    const { reader } = leading;
    stream.place = reader.index;
    const found = this.#byName.get(name);
    if (found === undefined || !('streams' in found)) return undefined;
    const { byIndex } = found;
    if (byIndex.get(place) === stream) byIndex.delete(place);
    const other = byIndex.get(stream.place);
    byIndex.set(stream.place, stream);
    return reader.isRead && other?.suits(leading) === true ? other : undefined;
  }
}

function peersWith<Member extends StreamMember>(stream: SharedStream<Member>): Peers<Member> {
  return { streams: new Set([stream]), byIndex: new Map([[stream.place, stream]]) };
}
