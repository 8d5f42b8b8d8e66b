/** Parses `host:port`: host names, IPv4 addresses, and IPv6 addresses in brackets. */

import { isClientUrl } from '../catalog/description.ts';

interface HostAndPort {
  readonly host: string;
  readonly port: number;
}

const HOST_CHARACTERS_MAX = 255;
const URL_CHARACTERS_MAX = 512;
const HOST_AND_PORT = /^(?:\[([0-9A-Fa-f:.]{2,45})\]|([A-Za-z0-9_.-]+)):(\d{1,5})$/;

/** Undefined if invalid. Port 0 is invalid: the system would choose the port. */
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

/** Converts `host:port` or a WebSocket URL to a URL. */
export function isReachableAddress(text: string): boolean {
  return isListenAddress(text) || (text.length <= URL_CHARACTERS_MAX && isClientUrl(text));
}

export function urlOf(address: string): string {
  return address.includes('://') ? address : `ws://${address}`;
}

/** Whether a configured origin is one that browsers send: scheme, host, and port if not usual. */
export function isOrigin(text: string): boolean {
  if (!/^https?:\/\/[^*]+$/.test(text) || !URL.canParse(text)) return false;
  return new URL(text).origin === text;
}
