/**
 * Neurons that integrate and fire.
 *
 * @module
 */
export {
  LeakyIntegrator,
  type LeakyIntegratorOptions,
} from "./leaky_integrator.ts";
export type { IntegrateAndFire, LIFOptions } from "./integrate_and_fire.ts";
export { LIFCell } from "./lif_cell.ts";
export { ALIFCell, type ALIFOptions } from "./alif_cell.ts";
export { IzhikevichCell, type IzhikevichOptions } from "./izhikevich_cell.ts";
export type { Neurons, NeuronsOptions } from "./neurons.ts";
export type { SpikeFunction } from "./surrogate.ts";
