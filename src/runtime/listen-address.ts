/** `host:port`, as people write it: names, addresses, and addresses of six in brackets. */

import { isClientUrl } from '../catalog/description.ts';

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const HOST_CHARACTERS_MAX = 255;
const URL_CHARACTERS_MAX = 512;
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]+)):(\d{1,5})$/;

/** Undefined if it is none. Port 0 lets the system choose, so it is no address to be found at. */
export function parseHostAndPort(text: string): HostAndPort | undefined {
  if (text.length > HOST_CHARACTERS_MAX + 6) return undefined;
  const [, six, name, digits] = HOST_AND_PORT.exec(text) ?? [];
  const host = six ?? name;
  const port = Number(digits);
  return host === undefined || port > 65_535 ? undefined : { host, port };
}

export function isListenAddress(text: string): boolean {
  return (parseHostAndPort(text)?.port ?? 0) > 0;
}

/** `host:port`, or a whole url of a socket. */
export function isReachableAddress(text: string): boolean {
  return isListenAddress(text) || (text.length <= URL_CHARACTERS_MAX && isClientUrl(text));
}

export function urlOf(address: string): string {
  return address.includes('://') ? address : `ws://${address}`;
}
