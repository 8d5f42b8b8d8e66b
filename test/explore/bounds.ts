/** How much may happen in one exploration. */

export interface Bounds {
  readonly name: string;
  readonly campaigns: number;
  readonly proposals: number;
  readonly crashes: number;
  readonly duplicates: number;
  readonly beats: number;
  readonly reads: number;
  /** Writes are durable as soon as they are made; otherwise whenever. */
  readonly isDiskInstant: boolean;
}
