/** The text form of a cluster ID: visible ASCII, safe for logs and hellos. */

const CLUSTER_ID = /^[\x21-\x7e]{1,64}$/;

export function isClusterId(text: string): boolean {
  return CLUSTER_ID.test(text);
}
