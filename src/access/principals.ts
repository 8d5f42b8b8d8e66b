/**
 * The principals of one table, each computed once: many connections and forwarded requests ask for
 * the same one. Only those that exist are kept, so their number is bounded by the table.
 */

import { isSameDigest } from '../base/sha256.ts';
import type { AccessTable } from './access-table.ts';
import {
  type CertifiedUser,
  type Credential,
  isExpired,
  type Principal,
  principalBy,
  principalNamed,
  principalOf,
} from './principal.ts';
import { hexOf } from './token.ts';

interface Proven {
  readonly principal: Principal;
  readonly digest: Uint8Array;
}

export class Principals {
  readonly table: AccessTable;
  readonly #proven = new Map<string, Proven>();
  readonly #named = new Map<string, Principal>();
  readonly #forwarded = new Map<string, Principal>();

  constructor(table: AccessTable) {
    this.table = table;
  }

  /** As `principalBy`. */
  by(credential: Credential, wall: number): Principal | undefined {
    const { digest } = credential;
    const key = hexOf(credential.token);
    const known = this.#proven.get(key);
    if (known !== undefined) {
      return isSameDigest(known.digest, digest) ? alive(known.principal, wall) : undefined;
    }
    const principal = principalBy(this.table, credential, wall);
    if (principal !== undefined) this.#proven.set(key, { principal, digest });
    return principal;
  }

  /** As `principalOf`. */
  of(token: Uint8Array, wall: number): Principal | undefined {
    const key = hexOf(token);
    const known = this.#forwarded.get(key) ?? principalOf(this.table, token, wall);
    if (known !== undefined) this.#forwarded.set(key, known);
    return alive(known, wall);
  }

  /** As `principalNamed`: users may have several certificates, of different ends. */
  named({ user, expiresAt }: CertifiedUser, wall: number): Principal | undefined {
    const endless = { user, expiresAt: 0 };
    const known = this.#named.get(user) ?? principalNamed(this.table, endless, wall);
    if (known === undefined) return undefined;
    this.#named.set(user, known);
    return expiresAt === 0 ? known : alive({ ...known, expiresAt }, wall);
  }
}

function alive(principal: Principal | undefined, wall: number): Principal | undefined {
  return principal === undefined || isExpired(principal, wall) ? undefined : principal;
}
