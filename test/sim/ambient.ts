/** During a run the ambient clock, timers and randomness throw: no code may depend on them. */

const AMBIENT: readonly (readonly [object, string])[] = [
  [Date, 'now'],
  [Math, 'random'],
  [performance, 'now'],
  [process, 'hrtime'],
  [globalThis, 'setTimeout'],
  [globalThis, 'setInterval'],
  [globalThis, 'setImmediate'],
  [globalThis, 'queueMicrotask'],
];

/** `run` is synchronous, so the ambient functions are always restored. */
export function withoutAmbient<T>(run: () => T): T {
  const kept = AMBIENT.map(([owner, name]) => Object.getOwnPropertyDescriptor(owner, name));
  for (const [owner, name] of AMBIENT) {
    Object.defineProperty(owner, name, { value: thrower(name), configurable: true });
  }
  try {
    return run();
  } finally {
    AMBIENT.forEach(([owner, name], at) => {
      const descriptor = kept[at];
      if (descriptor === undefined) Reflect.deleteProperty(owner, name);
      else Object.defineProperty(owner, name, descriptor);
    });
  }
}

function thrower(name: string): () => never {
  return () => {
    throw new TypeError(`ambient ${name} was used during a run`);
  };
}
