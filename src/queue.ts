/** `ringkv/queue`: durable queues of jobs. */

export { queue } from './layers/queue.ts';
export type {
  DeadJob,
  PushOptions,
  Queue,
  QueueJob,
  QueueOptions,
  TakeOptions,
} from './layers/queue-api.ts';
