/** The first frames between peers: hello, and the proof of the cluster secret. Pure. */

import type { NodeId } from '../base/ids.ts';
import { isSameDigest } from '../base/sha256.ts';
import { encodeHello, type Lane, VERSION_MAX, VERSION_MIN } from '../wire/hello.ts';
import { decodeProof, encodeProof, type Hellos, NONCE_BYTES, proofBy } from '../wire/proof.ts';
import type { PeerIdentity } from './handshake.ts';

interface HandshakeOptions {
  readonly identity: PeerIdentity;
  readonly secureBytes: (length: number) => Uint8Array;
}

export class PeerProof {
  readonly #options: HandshakeOptions;
  /** The generation of the last hello that was sent. */
  #generation = 0;

  constructor(options: HandshakeOptions) {
    this.#options = options;
  }

  /** Every hello is unique: it has its own generation and nonce. */
  helloTo({ node, lane }: { readonly node: NodeId; readonly lane: Lane }): Uint8Array {
    const { identity, secureBytes } = this.#options;
    const { cluster, node: from, lineage, features, secret } = identity;
    this.#generation += 1;
    return encodeHello({
      type: 'peer',
      versionMin: VERSION_MIN,
      versionMax: VERSION_MAX,
      features,
      cluster,
      from,
      to: node,
      lineage,
      generation: this.#generation,
      lane,
      isGuarded: secret.length > 0,
      nonce: secureBytes(NONCE_BYTES),
    });
  }

  /** A frame. */
  proofBy(side: keyof Hellos, hellos: Hellos): Uint8Array {
    return encodeProof(proofBy(side, this.#options.identity.secret, hellos));
  }

  isProofBy(side: keyof Hellos, hellos: Hellos, frame: Uint8Array): boolean {
    const proof = decodeProof(frame);
    const { secret } = this.#options.identity;
    return proof !== undefined && isSameDigest(proof, proofBy(side, secret, hellos));
  }
}
