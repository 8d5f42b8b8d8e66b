/** The id of a cluster, as people write it: visible ASCII, so that logs and hellos can carry it. */

const CLUSTER_ID = /^[\x21-\x7e]{1,64}$/;

export function isClusterId(text: string): boolean {
  return CLUSTER_ID.test(text);
}
