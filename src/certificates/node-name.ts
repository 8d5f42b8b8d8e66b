/** The identity of a node in its certificate: a URI among the alternative names. Pure. */

/** `ringkv://CLUSTER/node/NAME`. */
export interface NodeName {
  /** The name of the cluster, which precedes the random part of its id. */
  readonly cluster: string;
  /** The name of the node, as its row in the map has it. */
  readonly name: string;
}

/** What the name of a cluster may be: with the random part it fits a cluster id. */
const CLUSTER_NAME = /^[A-Za-z0-9][A-Za-z0-9_-]{0,39}$/;
const NODE_URI =
  /^ringkv:\/\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})\/node\/([A-Za-z0-9][A-Za-z0-9._-]{0,63})$/;
/** One alternative name, as Node prints it: in quotes if its value could end the name early. */
const ALTERNATIVE = /([^:,]+):("(?:[^"\\]|\\.)*"|[^,"]*)(?:, |$)/y;

export function isClusterName(text: string): boolean {
  return CLUSTER_NAME.test(text);
}

export function nodeUri({ cluster, name }: NodeName): string {
  return `ringkv://${cluster}/node/${name}`;
}

export function isNodeUri(text: string): boolean {
  return NODE_URI.test(text);
}

/**
 * From `X509Certificate.subjectAltName`. Undefined if it names no node, or several: a certificate
 * that could be that of two nodes proves neither.
 */
export function nodeNameIn(subjectAltName: string | undefined): NodeName | undefined {
  const found = alternativesIn(subjectAltName ?? '').flatMap(({ kind, value }) => {
    const [, cluster, name] = (kind === 'URI' && NODE_URI.exec(value)) || [];
    return cluster === undefined || name === undefined ? [] : [{ cluster, name }];
  });
  return found.length === 1 ? found[0] : undefined;
}

/** An id is the name of the cluster, a dot and a random part; without a name, that part alone. */
export function isNameOfCluster(name: string, id: string): boolean {
  const dot = id.lastIndexOf('.');
  return name === id || (dot > 0 && name === id.slice(0, dot));
}

/** All alternative names; none if a part of the text is not understood. */
export function alternativesIn(
  text: string,
): readonly { readonly kind: string; readonly value: string }[] {
  const names: { readonly kind: string; readonly value: string }[] = [];
  ALTERNATIVE.lastIndex = 0;
  while (ALTERNATIVE.lastIndex < text.length) {
    const [, kind, value] = ALTERNATIVE.exec(text) ?? [];
    if (kind === undefined || value === undefined) return [];
    names.push({ kind, value });
  }
  return names;
}
