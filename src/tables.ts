/** `ringkv/tables`: tables with a schema, indexes, transactions and live queries. */

export type {
  FieldOf,
  IndexDefinition,
  InputIn,
  RowIn,
  TableDefinition,
  TableParts,
  TablesSchema,
} from './layers/tables/definition.ts';
export { table } from './layers/tables/definition.ts';
export {
  definitionOf,
  describeTables,
  type IndexDescription,
  type TableDescription,
  type UnknownRow,
} from './layers/tables/describing.ts';
export type { BuildProgress } from './layers/tables/index-building.ts';
export type { Explanation } from './layers/tables/plan.ts';
export { versionOf } from './layers/tables/row-version.ts';
export {
  type InputOf,
  type OutputOf,
  type RowSchema,
  type SchemaIssue,
  type SchemaResult,
  type StandardSchema,
  unchecked,
} from './layers/tables/standard-schema.ts';
export {
  type DuplicateRows,
  type FieldIssue,
  isTableError,
  TableError,
  type TableErrorCode,
  type TableErrorOptions,
} from './layers/tables/table-error.ts';
export { openTables } from './layers/tables/tables.ts';
export type {
  Comparable,
  Comparison,
  Condition,
  Database,
  DatabaseCalls,
  LiveQuery,
  LiveRows,
  OpenTablesOptions,
  Query,
  RowEvent,
  RowKey,
  RowLifeOptions,
  RowUpdateOptions,
  RowVersionOptions,
  Table,
  TablePage,
  TableRows,
  TransactionTables,
  Where,
} from './layers/tables/tables-api.ts';
export type { IndexVerification } from './layers/tables/verifying.ts';
