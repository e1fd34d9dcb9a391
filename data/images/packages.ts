/**
 * The decoders of images: packages of npm, loaded when the first image is decoded.
 *
 * @module
 */
import { anySystem, deno } from "../../internal/system/system.ts";

/** The packages that can be installed beside the library, and their versions. */
export const IMAGE_PACKAGES = {
  "fast-png": "8.0.0",
  "jpeg-js": "0.4.4",
} as const;

/** What is used of `fast-png`. */
export interface PngPackage {
  /** The image, its bits as they are in the file. */
  decode(bytes: Uint8Array, options: { readonly checkCrc: boolean }): {
    readonly width: number;
    readonly height: number;
    readonly data: ArrayLike<number>;
    readonly depth: number;
    readonly channels: number;
    readonly palette?: readonly (readonly number[])[];
  };
}

/** What is used of `jpeg-js`. */
export interface JpegPackage {
  readonly default: {
    /** The image, three bytes for each pixel. */
    decode(
      bytes: Uint8Array,
      options: {
        readonly useTArray: true;
        readonly formatAsRGBA: false;
        readonly tolerantDecoding: false;
        readonly maxMemoryUsageInMB: number;
      },
    ): {
      readonly width: number;
      readonly height: number;
      readonly data: Uint8Array;
    };
  };
}

/**
 * Load a package: Deno downloads it, and elsewhere it must be installed.
 *
 * @param action The action in errors.
 */
export async function loadPackage(
  action: string,
  name: keyof typeof IMAGE_PACKAGES,
): Promise<unknown> {
  if (!anySystem) {
    throw new Error(
      `Cannot ${action}: browsers decode images by themselves, with createImageBitmap`,
    );
  }
  const version = IMAGE_PACKAGES[name];
  // Not a literal: what is one would be downloaded with the library, and bundled.
  const specifier = deno ? `npm:${name}@${version}` : name;
  try {
    return await import(/* @vite-ignore */ specifier);
  } catch (cause) {
    throw new Error(
      `Cannot ${action}: the package ${name} must be there: npm install ${name}@${version}`,
      { cause },
    );
  }
}
