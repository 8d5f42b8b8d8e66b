/** `kvctl access status|enable|disable`. */

import { change, confirm, giveToken } from '../access-answer.ts';
import { type Call, formatOf } from '../call.ts';
import { EXIT, type Exit } from '../exit-codes.ts';
import { usageFailure } from '../failure.ts';

export async function run(call: Call): Promise<Exit> {
  const { terminal, words, options } = call;
  const store = await call.store();
  switch (words[0]) {
    case 'status': {
      const { isEnabled } = await store.access.self();
      const text = formatOf(call) === 'json' ? JSON.stringify({ isEnabled }) : stateOf(isEnabled);
      await terminal.write(`${text}\n`);
      return EXIT.ok;
    }
    case 'enable': {
      const token = await store.access.enable({ isForced: options.force === true });
      await giveToken(call, token);
      return await confirm(call, store, 0);
    }
    case 'disable': {
      const exit = await change(call, store, { type: 'disable-access' });
      terminal.note('access control is disabled: everyone may do everything');
      return exit;
    }
    default:
      throw usageFailure(
        `unknown action ${JSON.stringify(words[0])}`,
        'use kvctl access status, enable or disable',
      );
  }
}

function stateOf(isEnabled: boolean): string {
  return isEnabled
    ? 'access control is enabled: only users with a token may do what their roles grant'
    : 'access control is not enabled: everyone who reaches a node may do everything';
}
