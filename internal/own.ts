/**
 * The value that a record has of its own for `name`, which may be `"constructor"`.
 * Internal.
 */
export function own<T>(
  record: Readonly<Record<string, T>>,
  name: string,
): T | undefined {
  return Object.hasOwn(record, name) ? record[name] : undefined;
}
