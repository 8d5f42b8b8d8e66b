/** What a queue of `ringkv/queue` promises. */

/** Options of a queue. All workers of a queue should use the same. */
export interface QueueOptions {
  /**
   * Milliseconds after which a job that was taken is ready again, up to 20 days; 30,000 by default.
   */
  readonly visibility?: number;
  /** How often a job may be taken, before it is dead: 1 to 1000; 5 by default. */
  readonly attempts?: number;
  /**
   * Milliseconds before the second attempt; 1000 by default. Doubles with each attempt, up to
   * 20 days.
   */
  readonly backoff?: number;
}

/** Options of `push`. */
export interface PushOptions {
  /** Milliseconds until the job may be taken, up to 20 days. At once by default. */
  readonly delay?: number;
}

/** Options of `take`. */
export interface TakeOptions {
  /**
   * Milliseconds to wait for a job, up to 20 days; 0: not at all. By default until there is one.
   */
  readonly wait?: number;
  /** Ends the waiting: `take` rejects with `aborted`. */
  readonly signal?: AbortSignal;
}

/** A job that was taken. It is the caller's until its visibility has passed. */
export interface QueueJob<T> {
  /** The name of the job, as `push` returned it. */
  readonly id: string;
  /** What was pushed. */
  readonly value: T;
  /** 1 for the first time that it was taken. */
  readonly attempt: number;
  /**
   * The job is finished and goes. False if its visibility had passed, and it may run again.
   *
   * @example
   * ```ts
   * const job = await mails.take();
   * if (job !== undefined && !(await job.done())) console.warn(`${job.id} may run twice`);
   * ```
   */
  done(): Promise<boolean>;
  /**
   * The job failed: it is ready again after the backoff, or dead after its last attempt. False as
   * for `done`.
   *
   * @example
   * ```ts
   * const job = await mails.take();
   * await job?.fail('the mail server is down');
   * ```
   */
  fail(why?: string): Promise<boolean>;
  /**
   * The whole visibility begins again. False as for `done`: then another worker may have the job.
   *
   * @example
   * ```ts
   * const job = await mails.take();
   * if (!(await job?.extend())) throw new Error('it took too long');
   * ```
   */
  extend(): Promise<boolean>;
}

/** A job that failed too often. */
export interface DeadJob<T> {
  /** The name of the job. */
  readonly id: string;
  /** What was pushed. */
  readonly value: T;
  /** What `fail` was told last, if it was called. */
  readonly why: string | undefined;
}

/**
 * A queue of jobs. Jobs are taken about in the order in which they were pushed.
 *
 * @example
 * ```ts
 * import { queue } from 'ringkv/queue';
 * const mails = queue<{ to: string }>(kv, 'mails', { visibility: 60_000 });
 * await mails.push({ to: 'ada@example.org' }, { delay: 5_000 });
 * for (let job = await mails.take(); job !== undefined; job = await mails.take({ wait: 1000 })) {
 *   console.log(job.value.to, job.attempt);
 *   await job.done();
 * }
 * ```
 */
export interface Queue<T> {
  /**
   * Adds a job, and returns its name. With the outcome `unknown` it may have been added.
   *
   * @example
   * ```ts
   * const id = await mails.push({ to: 'grace@example.org' });
   * ```
   */
  push(value: T, options?: PushOptions): Promise<string>;
  /**
   * Takes the next job; undefined if `wait` is over. The caller works on it, and calls `done`.
   *
   * @example
   * ```ts
   * const job = await mails.take({ wait: 10_000 });
   * ```
   */
  take(options?: TakeOptions): Promise<QueueJob<T> | undefined>;
  /**
   * The jobs that failed too often, as `push` got them.
   *
   * @example
   * ```ts
   * for await (const { id, why } of mails.dead()) console.log(id, why);
   * ```
   */
  dead(): AsyncIterable<DeadJob<T>>;
  /**
   * Makes a dead job ready, with all its attempts before it. False if there is none of this name.
   *
   * @example
   * ```ts
   * for await (const { id } of mails.dead()) await mails.revive(id);
   * ```
   */
  revive(id: string): Promise<boolean>;
}
