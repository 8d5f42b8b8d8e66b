/** What the errors of OpenSSL mean for a socket of a node, and what to do. */

const PLAIN_SERVER = 'the server at this address does not use TLS: use kv:// in place of kvs://';
const OTHER_AUTHORITY =
  'the certificate of the server is not signed by the expected authority: check the CA ' +
  '(tls.ca, --tls-ca)';

const CAUSES: readonly (readonly [RegExp, string])[] = [
  [/wrong version number|packet length too long|WRONG_VERSION_NUMBER/, PLAIN_SERVER],
  [/alert protocol version|UNSUPPORTED_PROTOCOL/i, 'the server does not use TLS 1.3'],
  [/CERT_HAS_EXPIRED|certificate has expired/, 'the certificate of the server has expired'],
  [/CERT_NOT_YET_VALID/, 'the certificate of the server is not valid yet: check the clocks'],
  [
    /SELF_SIGNED_CERT|UNABLE_TO_VERIFY|UNABLE_TO_GET_ISSUER|DEPTH_ZERO|CERT_SIGNATURE_FAILURE/,
    OTHER_AUTHORITY,
  ],
];

/** The text for an error of dialling: the given one, unless it is one of TLS. */
export function dialFault({ message, code = '' }: NodeJS.ErrnoException): string {
  const known = CAUSES.find(([pattern]) => pattern.test(code) || pattern.test(message));
  return known === undefined ? message : `${known[1]} (${code})`;
}

const REASONS: Readonly<Record<string, string>> = {
  CERT_HAS_EXPIRED: 'it has expired: renew it (kvctl cert renew)',
  CERT_NOT_YET_VALID: 'it is not valid yet: check the clocks',
  INVALID_PURPOSE: 'it is not for clients: its extended key usage lacks clientAuth',
};

/** Why a presented certificate is not accepted. */
export function certificateFault(code: string): string {
  return `${REASONS[code] ?? 'it is not signed by the authority of this node'} (${code})`;
}
