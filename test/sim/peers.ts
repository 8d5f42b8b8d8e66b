/** What a node knows of the other nodes: when each was heard, and in which life. */

interface Peer {
  heardAt: number;
  boot: number;
  isSilent: boolean;
  /** When the shards were last told of its silence. */
  toldAt: number;
  spokenTicks: number;
}

/** Silence means several missing heartbeats, even by a clock twice as fast as the sender's. */
export const SILENT_TICKS_MIN = 8 * 3;

/** A node that sent no other frame for this long sends a heartbeat. */
const SPEAK_TICKS = 3;

export class Peers {
  readonly #peers: Peer[];
  readonly #silence: number;

  constructor(options: { readonly nodes: number; readonly now: number; readonly silence: number }) {
    const { nodes, now: heardAt } = options;
    this.#silence = options.silence;
    this.#peers = Array.from({ length: nodes }, () => {
      return { heardAt, boot: 0, isSilent: false, toldAt: 0, spokenTicks: 0 };
    });
  }

  /** Returns whether the peer began a new life since it was last heard. */
  hear(node: number, heard: { readonly boot: number; readonly now: number }): boolean {
    const peer = this.#peers[node];
    if (peer === undefined || heard.boot < peer.boot) return false;
    const isNew = peer.boot !== 0 && heard.boot !== peer.boot;
    peer.boot = heard.boot;
    peer.heardAt = heard.now;
    peer.isSilent = false;
    return isNew;
  }

  spoke(node: number): void {
    const peer = this.#peers[node];
    if (peer !== undefined) peer.spokenTicks = 0;
  }

  /** One tick: the peers that need a heartbeat. */
  due(): number[] {
    const due: number[] = [];
    this.#peers.forEach((peer, node) => {
      peer.spokenTicks += 1;
      if (peer.spokenTicks >= SPEAK_TICKS) due.push(node);
    });
    return due;
  }

  /**
   * The silent peers to report. Silence is reported repeatedly, because a shard may quiesce on
   * a late message of a leader whose silence was reported before.
   */
  silent(now: number): number[] {
    const silent: number[] = [];
    this.#peers.forEach((peer, node) => {
      if (now - peer.heardAt < this.#silence) return;
      if (peer.isSilent && now - peer.toldAt < this.#silence) return;
      peer.isSilent = true;
      peer.toldAt = now;
      silent.push(node);
    });
    return silent;
  }
}
