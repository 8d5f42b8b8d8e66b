/** Copies and prints whole graphs of objects. Frozen objects and bytes never change: shared. */

const printed = new WeakMap<object, string>();

/** A copy that shares nothing that can change; what was one object stays one object. */
export function copyGraph<T extends object>(root: T): T {
  return copy(root, new Map()) as T;
}

/** Equal graphs have equal prints. */
export function printGraph(root: object): string {
  const parts: string[] = [];
  print(root, parts);
  return parts.join('');
}

export function freezeGraph<T extends object>(root: T): T {
  if (ArrayBuffer.isView(root) || Object.isFrozen(root)) return root;
  Object.freeze(root);
  for (const value of Object.values(root)) {
    if (typeof value === 'object' && value !== null) freezeGraph(value);
  }
  return root;
}

function copy(value: unknown, copies: Map<object, object>): unknown {
  if (typeof value !== 'object' || value === null || isConstant(value)) return value;
  const known = copies.get(value);
  if (known !== undefined) return known;
  if (Array.isArray(value)) {
    const result: unknown[] = [];
    copies.set(value, result);
    for (const item of value) result.push(copy(item, copies));
    return result;
  }
  if (value instanceof Map) {
    const result = new Map();
    copies.set(value, result);
    for (const [key, item] of value) result.set(key, copy(item, copies));
    return result;
  }
  if (value instanceof Set) {
    const result = new Set(value);
    copies.set(value, result);
    return result;
  }
  const result = Object.create(Object.getPrototypeOf(value)) as Record<string, unknown>;
  copies.set(value, result);
  for (const key of Object.keys(value)) {
    result[key] = copy((value as Record<string, unknown>)[key], copies);
  }
  return result;
}

function isConstant(value: object): boolean {
  return ArrayBuffer.isView(value) || Object.isFrozen(value);
}

function print(value: unknown, parts: string[]): void {
  if (typeof value !== 'object' || value === null) {
    parts.push(String(value), ',');
  } else if (ArrayBuffer.isView(value)) {
    parts.push(Buffer.from(value.buffer, value.byteOffset, value.byteLength).toString('hex'), ',');
  } else if (Object.isFrozen(value)) {
    let text = printed.get(value);
    if (text === undefined) {
      const inner: string[] = [];
      printMembers(value, inner);
      text = inner.join('');
      printed.set(value, text);
    }
    parts.push(text);
  } else {
    printMembers(value, parts);
  }
}

function printMembers(value: object, parts: string[]): void {
  if (Array.isArray(value)) {
    parts.push('[');
    for (const item of value) print(item, parts);
    parts.push(']');
  } else if (value instanceof Map) {
    parts.push('<');
    for (const [key, item] of value) {
      print(key, parts);
      print(item, parts);
    }
    parts.push('>');
  } else if (value instanceof Set) {
    print([...value], parts);
  } else {
    parts.push('{');
    for (const key of Object.keys(value)) {
      parts.push(key, ':');
      print((value as Record<string, unknown>)[key], parts);
    }
    parts.push('}');
  }
}
