/**
 * The documentation of exported symbols, as `deno doc --json` gives it.
 *
 * @module
 */

/** A comment above a declaration. */
export interface JsDoc {
  readonly doc?: string;
  readonly tags?: readonly {
    readonly kind: string;
    readonly name?: string;
    readonly doc?: string;
  }[];
}

/** A type, as far as it is read here. */
export interface TsType {
  readonly kind: string;
  readonly value?: unknown;
}

/** A field of a class or an interface. */
export interface Property {
  readonly name: string;
  readonly jsDoc?: JsDoc;
}

/** What a name stands for. */
export interface Declaration {
  readonly kind: string;
  readonly jsDoc?: JsDoc;
  readonly location: { readonly filename: string };
  readonly def: {
    readonly extends?: string | readonly TsType[];
    readonly properties?: readonly Property[];
    readonly tsType?: TsType;
    readonly constructors?: readonly {
      readonly jsDoc?: JsDoc;
      readonly params: readonly {
        readonly tsType?: TsType;
        readonly left?: { readonly tsType?: TsType };
      }[];
    }[];
    readonly isAbstract?: boolean;
  };
}

/** The symbols of a module, by name. */
export type Symbols = ReadonlyMap<string, Declaration>;

/** Read the documentation of what `module` exports. */
export async function readSymbols(module: URL): Promise<Symbols> {
  const { success, stdout, stderr } = await new Deno.Command(Deno.execPath(), {
    args: ["doc", "--json", module.href],
  }).output();
  const decoder = new TextDecoder();
  if (!success) {
    throw new Error(`Cannot read ${module}: ${decoder.decode(stderr)}`);
  }
  const { nodes } = JSON.parse(decoder.decode(stdout)) as {
    nodes: Record<
      string,
      { symbols: { name: string; declarations: Declaration[] }[] }
    >;
  };
  return new Map(
    Object.values(nodes).flatMap(({ symbols }) => symbols)
      .map(({ name, declarations }) => [name, declarations[0]!]),
  );
}

/** The declaration with a name. */
export function declarationOf(symbols: Symbols, name: string): Declaration {
  const found = symbols.get(name);
  if (!found) throw new Error(`Cannot document ${name}: it is not exported`);
  return found;
}

/** The classes that extend `base`, directly or not, and can be made. */
export function subclasses(symbols: Symbols, base: string): string[] {
  const isBelow = (name: string): boolean => {
    const parent = symbols.get(name)?.def.extends;
    return typeof parent === "string" && (parent === base || isBelow(parent));
  };
  return [...symbols.keys()].filter((name) =>
    symbols.get(name)!.kind === "class" &&
    !symbols.get(name)!.def.isAbstract && isBelow(name)
  );
}

/** The examples of a comment, as blocks of code. */
export function examplesOf({ jsDoc }: Declaration): string[] {
  return (jsDoc?.tags ?? []).filter(({ kind }) => kind === "example")
    .map(({ doc }) => doc!.slice(doc!.indexOf("```")));
}
