/** Why a socket is closed, as a WebSocket close code and a text for logs. */

/**
 * A code is never given a second meaning. Standard codes (RFC 6455 §7.4.1) are used where they fit:
 * 1001 going away, 1003 unsupported data, 1009 too big.
 */
const CODES = {
  closing: 1001,
  'text-frame': 1003,
  'frame-too-large': 1009,
  'no-hello': 4001,
  'not-a-hello': 4002,
  'other-version': 4003,
  'foreign-cluster': 4004,
  'wrong-node': 4005,
  stranger: 4006,
  'older-copy': 4007,
  superseded: 4008,
  silent: 4009,
  slow: 4010,
  dismissed: 4011,
  'empty-frame': 4012,
  removed: 4013,
  'still-running': 4014,
  malformed: 4015,
  crowded: 4017,
  'wrong-secret': 4016,
  'wrong-certificate': 4018,
  limited: 4019,
} as const;

type CloseKind = keyof typeof CODES;

export interface CloseFrame {
  readonly code: number;
  readonly text: string;
}

/** A close frame holds 123 bytes beside its code (RFC 6455 §5.5). */
const TEXT_BYTES_MAX = 120;

export function isCloseCode({ code }: CloseFrame, reason: CloseKind): boolean {
  return code === CODES[reason];
}

/** The text is cut to what a close frame holds, and to printable ASCII. */
export function closeReasonOf(reason: CloseKind, text: string): CloseFrame {
  return { code: CODES[reason], text: printable(`${reason}: ${text}`) };
}

/** The other side knows that this node was removed from the cluster. */
export function saysRemoved({ code }: CloseFrame): boolean {
  return code === CODES.removed;
}

/** For logs: the text of the other side is untrusted, and may be empty. */
export function closeReasonText({ code, text }: CloseFrame): string {
  return text === '' ? `closed with code ${code}` : printable(text);
}

/** The two sides belong to different clusters. */
export function isForeignCluster({ code }: CloseFrame): boolean {
  return code === CODES['foreign-cluster'];
}

function printable(text: string): string {
  return text.slice(0, TEXT_BYTES_MAX).replace(/[^\x20-\x7e]/g, '?');
}
