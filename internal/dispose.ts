/**
 * Defines `Symbol.dispose` and `Symbol.asyncDispose` where an engine has none, as Safari:
 * methods of these names would be named "undefined". Internal: imported by every module
 * that declares such a method.
 *
 * The values are those that compilers use for `using` in such engines.
 *
 * @module
 */
for (const name of ["dispose", "asyncDispose"] as const) {
  if (!Symbol[name]) {
    const value = Symbol.for(`Symbol.${name}`);
    Object.defineProperty(Symbol, name, { value, configurable: true });
  }
}
