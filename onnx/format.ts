/**
 * Models of ONNX as bytes.
 *
 * Source: https://github.com/onnx/onnx/blob/main/onnx/onnx.proto
 *
 * @module
 */
import {
  bytesField,
  concat,
  floatField,
  int64Field,
  stringField,
} from "../internal/protobuf.ts";

/** The types of elements, with their numbers in ONNX. */
export const TYPES = { float32: 1, int32: 6, int64: 7, bool: 9 } as const;

/** A type of elements. */
export type ElementType = keyof typeof TYPES;

/** The size of an axis; a string names one that may differ. */
export type AxisSize = number | string;

/** A constant tensor. */
export interface Constant {
  /** The name by which nodes read it. */
  readonly name: string;
  /** The type of its elements. */
  readonly type: ElementType;
  /** The sizes of its axes. */
  readonly shape: readonly number[];
  /** Its elements, little-endian. */
  readonly bytes: Uint8Array;
}

/** A setting of a node: an integer, integers, or a number that is a float in ONNX. */
export type Attribute = number | readonly number[] | { readonly float: number };

/** An operation. */
export interface Node {
  /** The name of the operator. */
  readonly op: string;
  /** The names of what it reads. */
  readonly inputs: readonly string[];
  /** The names of what it makes. */
  readonly outputs: readonly string[];
  /** Its settings, by name. */
  readonly attributes: Readonly<Record<string, Attribute>>;
}

/** An input or output of the model. */
export interface Port {
  /** Its name. */
  readonly name: string;
  /** The type of its elements. */
  readonly type: ElementType;
  /** The sizes of its axes. */
  readonly shape: readonly AxisSize[];
}

/** A model. */
export interface Model {
  /** The name of the graph. */
  readonly name: string;
  /** What the model takes. */
  readonly inputs: readonly Port[];
  /** What it returns. */
  readonly outputs: readonly Port[];
  /** Its constants. */
  readonly constants: readonly Constant[];
  /** Its operations, in order. */
  readonly nodes: readonly Node[];
}

/** The version of the format: that of ONNX 1.12. */
const IR_VERSION = 8;

/** The version of the operators: that of ONNX 1.12. */
const OPSET = 17;

/** The longest message of protocol buffers. */
const MAX_BYTES = 2 ** 31 - 1;

/** The bytes of a `.onnx` file. */
export function encodeModel(model: Model): Uint8Array<ArrayBuffer> {
  const graph = concat([
    ...model.nodes.map((node) => bytesField(1, encodeNode(node))),
    stringField(2, model.name),
    ...model.constants.map((constant) => bytesField(5, encodeTensor(constant))),
    ...model.inputs.map((port) => bytesField(11, encodePort(port))),
    ...model.outputs.map((port) => bytesField(12, encodePort(port))),
  ]);
  if (graph.length > MAX_BYTES) {
    throw new RangeError(
      `Cannot export to ONNX: the file must have at most ${MAX_BYTES} bytes: current length is ${graph.length}`,
    );
  }
  return concat([
    int64Field(1, IR_VERSION),
    stringField(2, "braintape"),
    bytesField(7, graph),
    bytesField(8, concat([stringField(1, ""), int64Field(2, OPSET)])),
  ]);
}

function encodeNode({ op, inputs, outputs, attributes }: Node): Uint8Array {
  return concat([
    ...inputs.map((name) => stringField(1, name)),
    ...outputs.map((name) => stringField(2, name)),
    stringField(3, outputs[0]!),
    stringField(4, op),
    ...Object.entries(attributes).map(([name, value]) =>
      bytesField(5, encodeAttribute(name, value))
    ),
  ]);
}

/** The numbers of the types of attributes. */
const FLOAT = 1, INT = 2, INTS = 7;

function encodeAttribute(name: string, value: Attribute): Uint8Array {
  const [type, field] = typeof value === "number"
    ? [INT, int64Field(3, value)]
    : "float" in value
    ? [FLOAT, floatField(2, value.float)]
    : [INTS, concat(value.map((item) => int64Field(8, item)))];
  return concat([stringField(1, name), field, int64Field(20, type)]);
}

function encodeTensor({ name, type, shape, bytes }: Constant): Uint8Array {
  return concat([
    ...shape.map((size) => int64Field(1, size)),
    int64Field(2, TYPES[type]),
    stringField(8, name),
    bytesField(9, bytes),
  ]);
}

function encodePort({ name, type, shape }: Port): Uint8Array {
  const sizes = shape.map((size) =>
    bytesField(
      1,
      typeof size === "number" ? int64Field(1, size) : stringField(2, size),
    )
  );
  const tensor = concat([
    int64Field(1, TYPES[type]),
    bytesField(2, concat(sizes)),
  ]);
  return concat([stringField(1, name), bytesField(2, bytesField(1, tensor))]);
}
