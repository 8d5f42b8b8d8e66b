/** Certificates on sockets: what is presented, what is accepted, and whom it names. */

import type { Socket as RawSocket } from 'node:net';
import {
  type ConnectionOptions,
  checkServerIdentity,
  type SecureContextOptions,
  TLSSocket,
} from 'node:tls';
import { type NodeName, nodeNameIn, nodeUri } from '../certificates/node-name.ts';
import {
  NO_TICKETS,
  type OwnTexts,
  type TlsTexts,
  type UserHolder,
  userHolderOf,
} from '../certificates/reading.ts';
import { userUri } from '../certificates/user-name.ts';
import type { Socket } from './sockets.ts';
import { certificateFault } from './tls-fault.ts';

/** What a dialler presents, and which servers it accepts. */
export interface DialTls {
  /** By default the authorities that the system trusts. */
  readonly ca?: string | undefined;
  readonly cert?: string | undefined;
  readonly key?: string | undefined;
  /** The only host name that the server's certificate may have; also sent to it (SNI). */
  readonly serverName?: string | undefined;
  /** The dialler is a node: the server has to be one too, whatever its host name is. */
  readonly isNode?: boolean;
}

/** Older versions have no forward secrecy in all cases, and send certificates in the clear. */
const VERSION = 'TLSv1.3';

/**
 * Without session tickets: a resumed session would keep what an old certificate, or an old
 * authority, had proven. Sockets live long, so there is little to resume.
 */
export function contextOf(texts: OwnTexts | TlsTexts): SecureContextOptions {
  return { ...texts, minVersion: VERSION, secureOptions: NO_TICKETS };
}

/**
 * A node is known by its certificate, not by its host name: addresses change, and in a cluster only
 * nodes have such a certificate. This holds for clients too if they name the authority; with the
 * authorities of the system, or with a server name, the host name decides.
 */
export function dialOptions({ ca, cert, key, serverName, isNode }: DialTls): ConnectionOptions {
  return {
    minVersion: VERSION,
    ...(ca === undefined ? {} : { ca }),
    ...(cert === undefined ? {} : { cert }),
    ...(key === undefined ? {} : { key }),
    ...(serverName === undefined ? {} : { servername: serverName }),
    checkServerIdentity: (host, certificate) => {
      const isNamed = nodeNameIn(certificate.subjectaltname) !== undefined;
      if (isNode === true) return isNamed ? undefined : new Error(NO_NODE);
      if (isNamed && ca !== undefined && serverName === undefined) return undefined;
      return checkServerIdentity(serverName ?? host, certificate);
    },
  };
}

const NO_NODE = 'its certificate names no node of a cluster (ringkv://CLUSTER/node/NAME)';

/** The certificate of the other side of an accepted socket. */
type Presented =
  /** The socket has no TLS. */
  | { readonly type: 'plain' }
  | { readonly type: 'nothing' }
  /** A certificate that the authority does not vouch for (any more). */
  | { readonly type: 'invalid'; readonly why: string }
  /** The authority vouches for it. A client's names no node. */
  | {
      readonly type: 'valid';
      readonly node: NodeName | undefined;
      readonly user: UserHolder | undefined;
      readonly title: string;
    };

export function presentedOn(raw: RawSocket): Presented {
  if (!(raw instanceof TLSSocket)) return { type: 'plain' };
  const certificate = raw.getPeerX509Certificate();
  if (certificate === undefined) return { type: 'nothing' };
  if (!raw.authorized)
    return { type: 'invalid', why: certificateFault(codeOf(raw.authorizationError)) };
  const node = nodeNameIn(certificate.subjectAltName);
  const user = userHolderOf(certificate);
  return { type: 'valid', node, user, title: titleOf(certificate.subject, { node, user }) };
}

/** The URI of a node or a user, or the common name. */
function titleOf(
  subject: string,
  { node, user }: Pick<Extract<Presented, { readonly type: 'valid' }>, 'node' | 'user'>,
): string {
  if (node !== undefined) return nodeUri(node);
  if (user !== undefined) return userUri(user);
  return /^CN=([^\n]*)$/m.exec(subject)?.[1] ?? subject;
}

interface DoorTerms {
  readonly door: '/peer' | '/client' | undefined;
  /** Clients have to present a certificate. */
  readonly isClientCertified: boolean;
}

/**
 * Why the other side is not let in. A certificate that is not valid is refused at every path:
 * its holder believes to be known. Health, metrics and the question for the cluster need none.
 */
export function presentedFault(
  presented: Presented,
  { door, isClientCertified }: DoorTerms,
): string | undefined {
  const { type } = presented;
  if (type === 'plain') return undefined;
  if (type === 'invalid') return `the certificate is not accepted: ${presented.why}`;
  if (door === '/peer' && (type === 'nothing' || presented.node === undefined)) {
    return 'this endpoint needs the certificate of a node, ringkv://CLUSTER/node/NAME';
  }
  if (door !== '/client' || type === 'valid' || !isClientCertified) return undefined;
  return 'this node needs a certificate of the client: set tls.cert and tls.key (--tls-cert)';
}

/** The node or user that an accepted certificate names, and what it is called. */
export function holderOn(
  raw: RawSocket | undefined,
): Pick<Socket, 'holder' | 'user' | 'certificate'> {
  const presented = raw === undefined ? undefined : presentedOn(raw);
  if (presented?.type !== 'valid') return {};
  const { node, user, title } = presented;
  return { holder: node, user, certificate: title };
}

/** Declared as an error, but it is the code of one. */
function codeOf(error: unknown): string {
  return error instanceof Error ? error.message : String(error);
}
