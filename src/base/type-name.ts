/** What a value is, in a word or two for messages: `null`, `NaN`, `function`, `array`, `Map`. */

export function typeNameOf(value: unknown): string {
  if (value === null || value === undefined || Number.isNaN(value)) return String(value);
  if (typeof value !== 'object') return typeof value;
  // `[object Map]`: works for objects of other realms.
  const tag = Object.prototype.toString.call(value).slice('[object '.length, -1);
  if (tag === 'Array') return 'array';
  if (tag !== 'Object') return tag;
  const name: unknown = Object.getPrototypeOf(value)?.constructor?.name;
  return typeof name === 'string' && name !== '' && name !== 'Object' ? name : 'object';
}
