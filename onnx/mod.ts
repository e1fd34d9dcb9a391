/**
 * Export of models to ONNX, the format that ONNX Runtime and others run.
 *
 * It is not part of the main entry: import it from `@braintape/braintape/onnx`.
 *
 * @module
 */
export { exportOnnx, type ExportOnnxOptions } from "./export.ts";
