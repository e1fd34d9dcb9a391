/**
 * The options of a class, with what their comments say.
 *
 * @module
 */
import {
  type Declaration,
  declarationOf,
  type Property,
  type Symbols,
  type TsType,
} from "./symbols.ts";

/** The options that the constructor of a class takes, in their order. */
export function optionsOf(symbols: Symbols, { def }: Declaration): Property[] {
  if (!def.constructors && typeof def.extends === "string") {
    return optionsOf(symbols, declarationOf(symbols, def.extends));
  }
  const [parameter] = def.constructors?.[0]?.params ?? [];
  const type = parameter?.left?.tsType ?? parameter?.tsType;
  const all = type ? propertiesOf(symbols, type) : [];
  // What an interface says itself comes before what it extends.
  const byName = new Map<string, Property>();
  for (const option of all) {
    if (!byName.has(option.name)) byName.set(option.name, option);
  }
  return [...byName.values()];
}

interface Reference {
  readonly typeName: string;
  readonly typeParams?: readonly TsType[];
}

function propertiesOf(symbols: Symbols, type: TsType): Property[] {
  if (type.kind === "intersection") {
    return (type.value as TsType[]).flatMap((x) => propertiesOf(symbols, x));
  }
  if (type.kind === "typeLiteral") {
    return [...(type.value as { properties: Property[] }).properties];
  }
  if (type.kind !== "typeRef") return [];
  const { typeName, typeParams = [] } = type.value as Reference;
  const name = typeName.split(".").at(-1)!;
  if (name === "SchedulerOptions") return settings(symbols, typeParams);
  const { def } = declarationOf(symbols, name);
  if (def.tsType) return propertiesOf(symbols, def.tsType);
  const parents = (def.extends ?? []) as readonly TsType[];
  return [
    ...def.properties ?? [],
    ...parents.flatMap((parent) => propertiesOf(symbols, parent)),
  ];
}

/** The fields of a scheduler that `SchedulerOptions<Class, names>` sets. */
function settings(
  symbols: Symbols,
  [owner, names]: readonly TsType[],
): Property[] {
  const { typeName } = owner!.value as Reference;
  const { def } = declarationOf(symbols, typeName);
  const literals = names!.kind === "union"
    ? names!.value as { value: { string: string } }[]
    : [names as unknown as { value: { string: string } }];
  const own = literals.map(({ value }) => {
    const field = def.properties?.find(({ name }) => name === value.string);
    return field ?? { name: value.string };
  });
  const base = declarationOf(symbols, "LRSchedulerOptions");
  return [...own, ...base.def.properties ?? []];
}
