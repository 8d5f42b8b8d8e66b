/** What a node is made of: its folder, its ports, and its callbacks. */

import type { NodeStateOptions } from './node-state.ts';

export interface NodeCoreOptions extends NodeStateOptions {
  /**
   * There are addresses to ask beside those in the map. Meanwhile this node does not confirm itself
   * on its own: until `ownLife.heardOut`, or until a timeout.
   */
  readonly isEnquiring?: boolean;
  /** A newer map arrived: a copy should be kept. */
  readonly onMap: (bytes: Uint8Array) => void;
  /** Encodes what a node reports about itself, as JSON. */
  readonly encodeInfo: (info: object) => Uint8Array;
}
