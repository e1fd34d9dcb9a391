/**
 * What torchvision's convolutional networks share.
 *
 * @module
 */
import * as nn from "../../nn/mod.ts";

/** The share of running statistics that a step keeps; torch's momentum is 0.1. */
export const MOMENTUM = 0.9;

/** Kernels begin normal with variance 2 / fanOut (He et al. 2015), as torchvision's. */
export const CONV_INIT: nn.Initializer = new nn.init.VarianceScaling({
  scale: 2,
  mode: "fanOut",
  distribution: "normal",
});
