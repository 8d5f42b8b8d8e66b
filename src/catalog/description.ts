/**
 * Validates a node's description of itself before it enters the map that all nodes act on. Pure.
 */

import type { NodeDescription } from './cluster-map.ts';

/**
 * A scheme, a host, a port; no query and no user. A pattern and not a parser, because every replica
 * of the catalog has to decide alike, whatever version of Node it runs on.
 */
const ADDRESS =
  /^wss?:\/\/(?:\[[0-9A-Fa-f:.]{2,45}\]|[A-Za-z0-9._-]{1,253})(?::(\d{1,5}))?(\/.*)?$/;
const PORT_MAX = 65_535;

/** Of a proxy in front of a node: plain segments, and no parent segment. */
const PATH = /^(?:\/(?!\.)[A-Za-z0-9._~-]+)+$/;

/** Control characters, which terminals obey, and those that change the direction of a text. */
const UNPRINTABLE = /[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u;
const UNPRINTABLES = new RegExp(UNPRINTABLE, 'gu');

/** All other nodes connect to it, so it may point to the endpoint of a node only. */
function isPeerUrl(url: string): boolean {
  return isClientUrl(url) && ADDRESS.exec(url)?.[2] === undefined;
}

export function isClientUrl(url: string): boolean {
  const match = ADDRESS.exec(url);
  if (match === null) return false;
  const [, port = '1', path] = match;
  if (path !== undefined && !PATH.test(path)) return false;
  return Number(port) > 0 && Number(port) <= PORT_MAX;
}

/** Undefined if it is valid; else the field, its value and the allowed values. */
export function faultOfDescription(description: NodeDescription): string | undefined {
  const { name, zone } = description;
  for (const [field, text] of Object.entries({ name, zone })) {
    if (!UNPRINTABLE.test(text)) continue;
    return `the ${field} ${shown(text)} has control characters: remove them`;
  }
  const { peerUrl, clientUrl } = description;
  if (isPeerUrl(peerUrl) && isClientUrl(clientUrl)) return undefined;
  const url = isPeerUrl(peerUrl) ? clientUrl : peerUrl;
  return `${shown(url)} is not a valid node address: expected ws://host:port`;
}

function shown(text: string): string {
  const spell = (character: string) => `\\u{${character.codePointAt(0)?.toString(16)}}`;
  return `"${text.replace(UNPRINTABLES, spell)}"`;
}
