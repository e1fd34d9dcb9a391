/**
 * Tables of text as examples to train on.
 *
 * @module
 */
export type {
  CategoryCode,
  ColumnCode,
  NumberCode,
  TableEncoding,
} from "./column_code.ts";
export { TableEncoder } from "./table_encoder.ts";
export type { MissingRule, TableEncoderOptions } from "./table_options.ts";
