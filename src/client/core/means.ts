/** What it takes to send errands on behalf of a call, and to tell it what came of them. */

import type { Errand } from './errand.ts';
import type { Ledger } from './ledger.ts';
import type { Routing } from './routing.ts';
import type { Sessions } from './sessions.ts';

export interface Means {
  readonly ledger: Ledger;
  readonly sessions: Sessions;
  readonly routing: Routing;
  /** It is on its way from the end of the turn on. */
  readonly submit: (errand: Errand) => void;
  /** After a rest that grows with how often others were in the way. */
  readonly submitLater: (errand: Errand, contentions: number) => void;
}
