/** What a node is made of: its folder, its ports, and its callbacks. */

import type { Passwords } from '../access/password.ts';
import type { AuditPolicy } from '../audit/policy.ts';
import type { NodeStateOptions } from './node-state.ts';

/** What a node needs in order to exchange passwords for tokens. */
export interface LoginPorts {
  /** Its answers go to `NodeCore.passwordChecked`. */
  readonly passwords: Passwords;
  /** Cryptographically secure: tokens are made of them. */
  readonly secureBytes: (length: number) => Uint8Array;
}

export interface NodeCoreOptions extends NodeStateOptions {
  /**
   * There are addresses to ask beside those in the map. Meanwhile this node does not confirm itself
   * on its own: until `ownLife.heardOut`, or until a timeout.
   */
  readonly isEnquiring?: boolean;
  /** Undefined: nothing is audited. Otherwise facts of type `audit` are for the trail. */
  readonly audit?: AuditPolicy | undefined;
  /** Absent: this node exchanges no passwords. */
  readonly logins?: LoginPorts;
  /** A newer map arrived: a copy should be kept. */
  readonly onMap: (bytes: Uint8Array) => void;
  /** Encodes what a node reports about itself, as JSON. */
  readonly encodeInfo: (info: object) => Uint8Array;
}
