/** What a node is made of: its folder, its ports, and its callbacks. */

import type { AuditPolicy } from '../audit/policy.ts';
import type { NodeStateOptions } from './node-state.ts';

export interface NodeCoreOptions extends NodeStateOptions {
  /**
   * There are addresses to ask beside those in the map. Meanwhile this node does not confirm itself
   * on its own: until `ownLife.heardOut`, or until a timeout.
   */
  readonly isEnquiring?: boolean;
  /** Undefined: nothing is audited. Otherwise facts of type `audit` are for the trail. */
  readonly audit?: AuditPolicy | undefined;
  /** A newer map arrived: a copy should be kept. */
  readonly onMap: (bytes: Uint8Array) => void;
  /** Encodes what a node reports about itself, as JSON. */
  readonly encodeInfo: (info: object) => Uint8Array;
}
