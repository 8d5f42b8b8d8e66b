/** Keys as people read them in messages: text in quotes, other bytes in hex, long ones cut. */

const SHOWN_MAX = 48;
const decoder = new TextDecoder('utf-8', { fatal: true, ignoreBOM: true });

export function keyText(key: Uint8Array): string {
  const text = plainText(key);
  if (text !== undefined) return JSON.stringify(cut(text));
  const digits = Array.from(key.subarray(0, SHOWN_MAX), (byte) => {
    return byte.toString(16).padStart(2, '0');
  });
  return `0x${cut(digits.join(''))}`;
}

function plainText(key: Uint8Array): string | undefined {
  try {
    const text = decoder.decode(key);
    return /^\P{C}*$/u.test(text) ? text : undefined;
  } catch {
    return undefined;
  }
}

function cut(text: string): string {
  return text.length > SHOWN_MAX ? `${text.slice(0, SHOWN_MAX)}…` : text;
}
