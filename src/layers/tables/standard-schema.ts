/** Standard Schema, version 1: the interface of validators such as zod, valibot and arktype. */

/**
 * A validator that follows the Standard Schema interface, version 1 (standardschema.dev): those of
 * zod, valibot and arktype do. A row is validated each time it is written, so a schema that
 * transforms must accept its own output.
 */
export interface StandardSchema<Input = unknown, Output = Input> {
  /** What the interface demands. */
  readonly '~standard': {
    readonly version: 1;
    readonly vendor: string;
    readonly validate: (value: unknown) => SchemaResult<Output> | PromiseLike<SchemaResult<Output>>;
    readonly types?: { readonly input: Input; readonly output: Output } | undefined;
  };
}

/** What a validator answers: the value, or what is wrong with it. */
export type SchemaResult<Output> =
  | { readonly value: Output; readonly issues?: undefined }
  | { readonly issues: readonly SchemaIssue[] };

/** One thing that is wrong with a row. */
export interface SchemaIssue {
  /** The rule that the value breaks, in the words of the validator. */
  readonly message: string;
  /** Where in the row; absent for the row as a whole. */
  readonly path?: readonly (PropertyKey | { readonly key: PropertyKey })[] | undefined;
}

/** A validator of objects: what a table is declared with. */
export type RowSchema = StandardSchema<unknown, object>;

/** What a validator takes: the parameter of `insert`. */
export type InputOf<S extends RowSchema> = NonNullable<S['~standard']['types']>['input'];

/** What a validator returns: the rows of a table. */
export type OutputOf<S extends RowSchema> = NonNullable<S['~standard']['types']>['output'];

/**
 * A schema that accepts every object: rows are typed, and not validated.
 *
 * @example
 * ```ts
 * import { table, unchecked } from 'ringkv/tables';
 * const users = table({ schema: unchecked<{ id: string; name: string }>(), key: ['id'] });
 * ```
 */
export function unchecked<T extends object>(): StandardSchema<T, T> {
  const validate = (value: unknown): SchemaResult<T> => {
    const isObject = typeof value === 'object' && value !== null && !Array.isArray(value);
    return isObject ? { value: value as T } : { issues: [{ message: 'a row is an object' }] };
  };
  return { '~standard': { version: 1, vendor: 'ringkv', validate } };
}
