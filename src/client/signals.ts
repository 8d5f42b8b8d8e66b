/**
 * One listener for each signal, however many calls depend on it. An `EventTarget` searches its list
 * of listeners whenever one is added or removed, so a listener for each call would make one abort
 * of many calls quadratic.
 */

type Listener = () => void;

/** The listeners of each signal that an open call has. */
const listenersOf = new WeakMap<AbortSignal, Set<Listener>>();

/** Calls the listener once, when the signal is aborted. Returns how to stop listening. */
export function onAbort(signal: AbortSignal, listener: Listener): () => void {
  const listeners = listenersOf.get(signal) ?? listenTo(signal);
  listeners.add(listener);
  return () => {
    listeners.delete(listener);
    if (listeners.size > 0 || listenersOf.get(signal) !== listeners) return;
    signal.removeEventListener('abort', tellAll);
    listenersOf.delete(signal);
  };
}

function listenTo(signal: AbortSignal): Set<Listener> {
  const listeners = new Set<Listener>();
  listenersOf.set(signal, listeners);
  signal.addEventListener('abort', tellAll, { once: true });
  return listeners;
}

function tellAll(this: AbortSignal): void {
  const listeners = listenersOf.get(this);
  listenersOf.delete(this);
  for (const listener of listeners ?? []) listener();
}
