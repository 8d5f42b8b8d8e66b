/** Combinators that check a configuration. Each reports all faults that it finds. */

import { nearestName } from '../base/nearest-name.ts';

export type Faults = string[];

/** The result is valid only if no fault was added. */
export type ConfigCheck<Result> = (value: unknown, path: string, faults: Faults) => Result;

/** Checks the fields of an object; unknown fields are faults with a suggestion. */
export function fieldsOf<Name extends string>(
  value: unknown,
  path: string,
  faults: Faults,
  names: readonly Name[],
): <Result>(name: Name, check: ConfigCheck<Result>) => Result {
  const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
  if (!isObject) {
    faults.push(faultAt(path, value, `an object with ${names.join(', ')}`));
    return (_name, check) => check(undefined, '', []);
  }
  for (const name of Object.keys(value)) {
    if ((names as readonly string[]).includes(name)) continue;
    const meant = nearestName(name, names);
    const advice =
      meant === undefined ? `known fields are ${names.join(', ')}` : `did you mean ${meant}?`;
    faults.push(`${placeOf(path, name)} is not a known field: ${advice}`);
  }
  return (name, check) => {
    const isThere = Object.hasOwn(value, name);
    const given = isThere ? (value as Record<string, unknown>)[name] : undefined;
    return check(given, placeOf(path, name), faults);
  };
}

/** A missing field gets the default; null is an invalid value. */
export function optional<Result, Default>(
  check: ConfigCheck<Result>,
  otherwise: Default,
): ConfigCheck<Result | Default> {
  return (value, path, faults) => {
    return value === undefined ? otherwise : check(value, path, faults);
  };
}

export function listOf<Item>(
  check: ConfigCheck<Item>,
  { lengthMin, lengthMax }: { readonly lengthMin: number; readonly lengthMax: number },
): ConfigCheck<readonly Item[]> {
  const allowed = `a list of ${lengthMin} to ${lengthMax}`;
  return (value, path, faults) => {
    if (!Array.isArray(value)) {
      faults.push(faultAt(path, value, allowed));
      return [];
    }
    const { length } = value;
    if (length < lengthMin || length > lengthMax) {
      faults.push(`${path} has ${length} items, must be ${allowed}`);
      if (length > lengthMax) return [];
    }
    return value.map((item, at) => check(item, `${path}[${at}]`, faults));
  };
}

export function wholeNumber(min: number, max: number): ConfigCheck<number> {
  return (value, path, faults) => {
    if (Number.isInteger(value) && (value as number) >= min && (value as number) <= max) {
      return value as number;
    }
    faults.push(faultAt(path, value, `a whole number from ${min} to ${max}`));
    return min;
  };
}

export function matching(
  isAllowed: (text: string) => boolean,
  allowed: string,
): ConfigCheck<string> {
  return (value, path, faults) => {
    if (typeof value === 'string' && isAllowed(value)) return value;
    faults.push(faultAt(path, value, allowed));
    return '';
  };
}

/** Text without NUL, which ends file names; bounds are in UTF-8 bytes. */
export function shortText(bytesMin: number, bytesMax: number): ConfigCheck<string> {
  const isAllowed = (text: string) => isShort(text, bytesMin, bytesMax) && !text.includes('\0');
  return matching(isAllowed, `a text of ${bytesMin} to ${bytesMax} bytes`);
}

/** Text without control characters, so it is safe to print. */
export function visibleText(bytesMin: number, bytesMax: number): ConfigCheck<string> {
  const isAllowed = (text: string) => {
    return isShort(text, bytesMin, bytesMax) && !/[\p{Cc}\p{Cf}\p{Zl}\p{Zp}]/u.test(text);
  };
  return matching(
    isAllowed,
    `a text of ${bytesMin} to ${bytesMax} bytes without control characters`,
  );
}

function isShort(text: string, bytesMin: number, bytesMax: number): boolean {
  if (text.length > bytesMax) return false;
  const bytes = new TextEncoder().encode(text).length;
  return bytes >= bytesMin && bytes <= bytesMax;
}

export const isFlag: ConfigCheck<boolean> = (value, path, faults) => {
  if (typeof value !== 'boolean') faults.push(faultAt(path, value, 'true or false'));
  return value === true;
};

function placeOf(path: string, name: string): string {
  const spelled = /^[A-Za-z_$][\w$]*$/.test(name) ? name : JSON.stringify(name.slice(0, 64));
  return path === '' ? spelled : `${path}.${spelled}`;
}

function faultAt(path: string, value: unknown, allowed: string): string {
  const place = path === '' ? 'the file' : path;
  if (value === undefined) return `${place} is missing, must be ${allowed}`;
  return `${place} is ${shown(value)}, must be ${allowed}`;
}

const SHOWN_CHARACTERS_MAX = 60;

function shown(value: unknown): string {
  if (Array.isArray(value)) return `a list of ${value.length}`;
  if (typeof value === 'object' && value !== null) return 'an object';
  if (typeof value !== 'string') return String(value);
  const text = value.slice(0, SHOWN_CHARACTERS_MAX);
  return `${JSON.stringify(text)}${text === value ? '' : '…'}`;
}
