/** Planted bugs of TLS: a check that is left out at a door, in a name, or at a renewal. */

import type { Bug } from './bug.ts';

const TLS = { profiles: [], tests: ['tls'], isFast: false };
const PEERS = { profiles: [], tests: ['certified-peers'], isFast: false };
const NAMES = { profiles: [], tests: ['node-name'], isFast: true };
const NODES = { profiles: [], tests: ['../runtime/tls'], isFast: false };
const RENEWAL = { profiles: [], tests: ['tls'], isFast: false };

export const TLS_BUGS: readonly Bug[] = [
  {
    ...TLS,
    name: 'clients-at-the-peer-door',
    sentence: 'any valid certificate opens the endpoint of peers',
    file: 'src/transport/tls.ts',
    find: "(type === 'nothing' || presented.node === undefined)",
    replace: "type === 'nothing'",
  },
  {
    ...TLS,
    name: 'invalid-certificate-passes',
    sentence: 'a certificate that the authority does not vouch for is as good as none',
    file: 'src/transport/tls.ts',
    find: "if (type === 'invalid')",
    replace: 'if (false)',
  },
  {
    ...TLS,
    name: 'clients-need-nothing',
    sentence: 'a client without a certificate is let in where one is required',
    file: 'src/transport/tls.ts',
    find: "type === 'valid' || !isClientCertified",
    replace: 'true',
  },
  {
    ...TLS,
    name: 'old-tls',
    sentence: 'versions before TLS 1.3 are accepted',
    file: 'src/transport/tls.ts',
    find: "const VERSION = 'TLSv1.3'",
    replace: "const VERSION = 'TLSv1.2'",
  },
  {
    ...TLS,
    name: 'any-server-is-a-node',
    sentence: 'a node dials servers whose certificate names no node',
    file: 'src/transport/tls.ts',
    find: 'return isNamed ? undefined : new Error(NO_NODE);',
    replace: 'return undefined;',
  },
  {
    ...TLS,
    name: 'server-name-ignored',
    sentence: 'a client that asks for a host name takes any node',
    file: 'src/transport/tls.ts',
    find: 'isNamed && ca !== undefined && serverName === undefined',
    replace: 'isNamed',
  },
  {
    ...TLS,
    name: 'silent-socket-stays',
    sentence: 'a socket that sends nothing is never closed',
    file: 'src/transport/secure-server.ts',
    find: 'setTimeout(() => raw.destroy(), TRANSPORT_LIMITS.helloMilliseconds)',
    replace: 'setTimeout(() => {}, 1)',
  },
  {
    ...TLS,
    name: 'renewal-is-forgotten',
    sentence: 'new sockets still get the old certificate',
    file: 'src/transport/web-sockets.ts',
    find: 'this.#server.setSecureContext?.(contextOf(texts));',
    replace: '',
  },
  {
    ...PEERS,
    name: 'certificate-of-another-node',
    sentence: 'any node of the cluster speaks for any other',
    file: 'src/transport/handshake.ts',
    find: 'if (name === undefined || name === holder.name)',
    replace: 'if (true)',
  },
  {
    ...PEERS,
    name: 'certificate-of-another-cluster',
    sentence: 'a node of another cluster of the same authority is a peer',
    file: 'src/transport/handshake.ts',
    find: 'if (!isNameOfCluster(holder.cluster, cluster))',
    replace: 'if (false)',
  },
  {
    ...NAMES,
    name: 'cluster-by-prefix',
    sentence: 'the certificates of cluster prod fit cluster production',
    file: 'src/certificates/node-name.ts',
    find: 'name === id.slice(0, dot)',
    replace: 'id.startsWith(name)',
  },
  {
    ...NAMES,
    name: 'quoted-name-is-read',
    sentence: 'a host name that contains the URI of a node is taken for that node',
    file: 'src/certificates/node-name.ts',
    find: '("(?:[^"\\\\]|\\\\.)*"|[^,"]*)',
    replace: '([^,]*)',
  },
  {
    ...NAMES,
    name: 'two-names-are-one',
    sentence: 'a certificate of two nodes speaks for the first',
    file: 'src/certificates/node-name.ts',
    find: 'found.length === 1 ? found[0]',
    replace: 'found.length > 0 ? found[0]',
  },
  {
    ...NODES,
    name: 'join-under-any-name',
    sentence: 'a client with any certificate has a node of any name join',
    file: 'src/node/clients.ts',
    find: "this.#nodeName === undefined || (name !== '' && this.#nodeName === name)",
    replace: 'true',
  },
  {
    ...RENEWAL,
    name: 'renewed-to-another-node',
    sentence: 'a running node takes the certificate of another node',
    file: 'src/runtime/certificates.ts',
    find: '?? this.#changeOf(texts)',
    replace: '',
  },
];
