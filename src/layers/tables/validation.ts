/** Validates rows by the schema of their table. */

import type { AnyRow } from './entries.ts';
import type { RowSchema, SchemaIssue } from './standard-schema.ts';
import { type FieldIssue, TableError, textOf } from './table-error.ts';

/** Issues that a message names. */
const ISSUES_SHOWN = 5;

/** The row that the schema makes of it. Throws `schema-violation` with each field and rule. */
export async function validated(table: string, schema: RowSchema, input: unknown): Promise<AnyRow> {
  const result = await schema['~standard'].validate(input);
  if (result.issues === undefined) return result.value as AnyRow;
  const issues = result.issues.map((issue) => issueOf(issue, input));
  const shown = issues.slice(0, ISSUES_SHOWN).map(({ field, value, rule }) => {
    return `${field === '' ? 'the row' : field} is ${textOf(value)}: ${rule}`;
  });
  const more = issues.length > ISSUES_SHOWN ? [`and ${issues.length - ISSUES_SHOWN} more`] : [];
  const what = [...shown, ...more].join('; ');
  const message = `table ${table}: the schema refuses the row; nothing was written; ${what}`;
  throw new TableError({ code: 'schema-violation', table, message, issues });
}

function issueOf({ message: rule, path = [] }: SchemaIssue, input: unknown): FieldIssue {
  const steps = path.map((step) => (typeof step === 'object' ? step.key : step));
  let value = input;
  for (const step of steps) value = (value as AnyRow | null | undefined)?.[step as string];
  const field = steps.reduce<string>((whole, step) => {
    if (typeof step === 'number') return `${whole}[${step}]`;
    return whole === '' ? String(step) : `${whole}.${String(step)}`;
  }, '');
  return { field, value, rule };
}
