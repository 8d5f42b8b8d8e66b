/** A request from a client, another node, or this node itself: which part of the node serves it. */

import type { Principal } from '../access/principal.ts';
import { NO_BYTES } from '../base/message-pack.ts';
import type { Responder } from '../shard/responder.ts';
import type { Request } from '../wire/request.ts';
import type { Failure } from '../wire/response.ts';
import type { AccessControl } from './access-control.ts';
import type { Audit } from './audit.ts';
import { isForNodesOnly } from './client-door.ts';
import { CoordinationRequests } from './coordination-requests.ts';
import type { Logins } from './logins.ts';
import type { NodeState } from './node-state.ts';
import type { Router, Source } from './router.ts';
import type { TransactionService } from './transaction-service.ts';

interface RequestsOptions {
  readonly node: NodeState;
  readonly router: Router;
  readonly transactions: TransactionService;
  readonly access: AccessControl;
  /** Undefined: nothing is audited. */
  readonly audit?: Audit | undefined;
  readonly logins: Logins;
  readonly report: RequestReports;
}

/** What the node reports about itself, as JSON. */
export interface RequestReports extends Record<'info' | 'pending', () => Uint8Array> {
  readonly access: (what: 'self' | 'table', principal: Principal | undefined) => Uint8Array;
}

export class Requests {
  readonly #options: RequestsOptions;
  readonly #coordination: CoordinationRequests;

  constructor(options: RequestsOptions) {
    this.#options = options;
    this.#coordination = new CoordinationRequests(options.node, options.router);
  }

  /** Why the client may not ask it. */
  objectionTo(request: Request, source: Source): Failure | undefined {
    const isStrange = source.responder.isClient === true && isForNodesOnly(request);
    return isStrange ? 'nodes-only' : this.#options.access.objectionTo(request, source);
  }

  route(request: Request, source: Source): void {
    const { router, transactions, logins, report } = this.#options;
    const { responder } = source;
    const objection = this.objectionTo(request, source);
    if (objection !== undefined) {
      this.#options.audit?.deny(request, source, objection);
      return router.fail({ request, responder }, objection);
    }
    switch (request.type) {
      case 'map':
        return this.#giveMap(request, responder);
      case 'info':
      case 'pending':
        return responder.respond({ type: 'info', id: request.id, text: report[request.type]() });
      case 'access': {
        const text = report.access(request.what, responder.principal);
        return responder.respond({ type: 'info', id: request.id, text });
      }
      case 'login':
        return logins.login({ request, ...source });
      case 'transact':
        return transactions.transact({ request, ...source });
      case 'settle':
        return transactions.settle({ request, ...source });
      case 'keep':
        return this.#coordination.keep({ request, ...source });
      case 'await-ticket':
        return this.#coordination.awaitTicket({ request, ...source });
      case 'coordination':
        return this.#coordination.list({ request, ...source });
      default:
        return router.route(request, source);
    }
  }

  #giveMap({ id, knownVersion }: Request & { readonly type: 'map' }, responder: Responder): void {
    const { map, clientBytes } = this.#options.node.maps;
    const isNewer = map !== undefined && map.version > knownVersion;
    responder.respond({ type: 'map', id, map: isNewer ? clientBytes : NO_BYTES });
  }
}
