/** The user in the certificate of a client: a URI among the alternative names. Pure. */

import { alternativesIn, isNodeUri } from './node-name.ts';

/** `ringkv://CLUSTER/user/NAME`. */
export interface UserName {
  /** The name of the cluster, which precedes the random part of its id. */
  readonly cluster: string;
  /** The name of the user in the cluster. */
  readonly user: string;
}

const USER_URI =
  /^ringkv:\/\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\/user\/([A-Za-z0-9][A-Za-z0-9._@-]{0,63})$/;
const USER = /^[A-Za-z0-9][A-Za-z0-9._@-]{0,63}$/;

export function isUserName(text: string): boolean {
  return USER.test(text);
}

export function userUri({ cluster, user }: UserName): string {
  return `ringkv://${cluster}/user/${user}`;
}

/**
 * From `X509Certificate.subjectAltName`. Undefined if it names no user, or several, or a node too:
 * a node acts for all of its clients, so its certificate must be none of a client.
 */
export function userNameIn(subjectAltName: string | undefined): UserName | undefined {
  const names = alternativesIn(subjectAltName ?? '');
  const found = names.flatMap(({ kind, value }) => {
    const [, cluster, user] = (kind === 'URI' && USER_URI.exec(value)) || [];
    return cluster === undefined || user === undefined ? [] : [{ cluster, user }];
  });
  const isNode = names.some(({ kind, value }) => kind === 'URI' && isNodeUri(value));
  return found.length === 1 && !isNode ? found[0] : undefined;
}
