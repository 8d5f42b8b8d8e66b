/** Parses numbers and durations, mostly of options. */

import { isClusterId } from '../src/runtime/cluster-id.ts';
import type { Options } from './call.ts';
import { usageFailure } from './failure.ts';
import { shellWord } from './shell-words.ts';

const NUMBER_MAX = 2 ** 52;
const INTEGER_MAX = 2n ** 63n - 1n;

export function textOption(options: Options, name: string): string | undefined {
  const value = options[name];
  return typeof value === 'string' ? value : undefined;
}

/** Of an option that may be given several times. */
export function textOptions(options: Options, name: string): readonly string[] {
  const value = options[name];
  return Array.isArray(value) ? value : [];
}

/** The --config option, for suggested commands; empty if there is none. */
export function configWords(options: Options): string {
  const path = textOption(options, 'config');
  return path === undefined ? '' : ` --config ${shellWord(path)}`;
}

/** A whole number of at least `min`. */
export function countOption(
  options: Options,
  name: string,
  { min, max = NUMBER_MAX }: { readonly min: number; readonly max?: number },
): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const value = /^\d{1,16}$/.test(text) ? Number(text) : Number.NaN;
  if (value >= min && value <= max) return value;
  const bound = max === NUMBER_MAX ? `of at least ${min}` : `from ${min} to ${max}`;
  throw usageFailure(
    `${flagOf(name)} is ${JSON.stringify(text)}`,
    `${flagOf(name)} takes a whole number ${bound}`,
  );
}

const UNITS: Readonly<Record<string, number>> = {
  ms: 1,
  s: 1000,
  m: 60_000,
  h: 3_600_000,
  d: 86_400_000,
};

/** In milliseconds: `500ms`, `5s`, `10m`, `2h`, `7d`. */
export function durationOption(options: Options, name: string): number | undefined {
  const text = textOption(options, name);
  return text === undefined ? undefined : durationOf(text, flagOf(name));
}

/** The same for an argument, or for what an error message calls it. */
export function durationOf(text: string, what: string): number {
  const [, digits, unit] = /^(\d{1,12}(?:\.\d{1,3})?)(ms|s|m|h|d)$/.exec(text) ?? [];
  const milliseconds = Math.round(Number(digits) * (UNITS[unit ?? ''] ?? 0));
  if (milliseconds >= 1 && milliseconds <= NUMBER_MAX / 2) return milliseconds;
  throw usageFailure(
    `${what} is ${JSON.stringify(text)}`,
    `${what} takes a time with its unit: 500ms, 5s, 10m, 2h or 7d`,
  );
}

const SIZES: Readonly<Record<string, number>> = {
  '': 1,
  b: 1,
  kb: 1000,
  mb: 1000 ** 2,
  gb: 1000 ** 3,
  kib: 1024,
  mib: 1024 ** 2,
  gib: 1024 ** 3,
};

/** In bytes: `500`, `10kb`, `10mb`, `1.5gib`. */
export function bytesOption(
  options: Options,
  name: string,
  { max }: { readonly max: number },
): number | undefined {
  const text = textOption(options, name);
  if (text === undefined) return undefined;
  const [, digits, unit] = /^(\d{1,16}(?:\.\d{1,3})?)([a-z]*)$/.exec(text.toLowerCase()) ?? [];
  const bytes = Math.round(Number(digits) * (SIZES[unit ?? ''] ?? Number.NaN));
  if (bytes >= 1 && bytes <= max) return bytes;
  throw usageFailure(
    `${flagOf(name)} is ${JSON.stringify(text)}`,
    `${flagOf(name)} takes a size from 1 to ${max} bytes: 500, 10kb, 10mb or 1.5gib`,
  );
}

/** The ID of the only cluster that kvctl accepts. */
export function clusterOption(options: Options): string | undefined {
  const text = textOption(options, 'cluster');
  if (text === undefined || isClusterId(text)) return text;
  throw usageFailure(
    `--cluster is ${JSON.stringify(text)}`,
    'use the ID that `kvctl status` shows: 1 to 64 visible characters',
  );
}

export function integerOf(text: string): bigint {
  const value = /^[+-]?\d{1,19}$/.test(text) ? BigInt(text.replace(/^\+/, '')) : undefined;
  if (value !== undefined && value <= INTEGER_MAX && value >= -INTEGER_MAX - 1n) return value;
  throw usageFailure(
    `${JSON.stringify(text)} is not a 64-bit integer`,
    'use digits, with a leading minus to subtract',
  );
}

function flagOf(name: string): string {
  return `--${name.replace(/[A-Z]/g, (letter) => `-${letter.toLowerCase()}`)}`;
}
