/** Errors of any realm: `instanceof Error` is false for those of Node in a `node:vm` context. */

export function isError(value: unknown): value is Error {
  return value instanceof Error || Object.prototype.toString.call(value) === '[object Error]';
}
