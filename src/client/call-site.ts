/**
 * Where a call was made. An error that comes with an answer is created in the event of a socket, so
 * its own stack has no line of the program that waits for it.
 */

/** Holds the frames; V8 makes text of them when they are read. */
interface CallSite {
  readonly stack?: string;
}

/** The frames above a function; undefined where the process collects none. */
export function callSiteAbove(callee: (...all: never[]) => unknown): CallSite | undefined {
  if (!(Error.stackTraceLimit > 0)) return undefined;
  const site: CallSite = {};
  Error.captureStackTrace(site, callee);
  return site;
}

/** The stack ends with the frames of the call. */
export function locate(error: Error, site: CallSite | undefined, form: 'whole' | 'more'): Error {
  const { stack: text = '' } = site ?? {};
  const at = text.indexOf(FRAME);
  if (at < 0) return error;
  const own = form === 'more' ? (error.stack ?? '') : `${error.name}: ${error.message}`;
  const value = own + text.slice(at);
  Object.defineProperty(error, 'stack', { value, writable: true, configurable: true });
  return error;
}

const FRAME = '\n    at ';
