/**
 * Where and how a run was made.
 *
 * @module
 */
import * as tf from "@tensorflow/tfjs-core";
import { currentPrecision } from "../../backend/precision.ts";
import { LIBRARY_VERSION } from "../../checkpoint/format.ts";
import { anySystem, deno } from "../../internal/system/system.ts";

/** Facts of a run by name, for people to read. */
export type Facts = Readonly<Record<string, string>>;

/** The facts of a run that starts now. */
export function factsNow(): Facts {
  const machine = anySystem;
  const precision = currentPrecision();
  return {
    started: dateText(new Date()),
    ...(machine
      ? {
        command: [fileName(machine.mainModule), ...machine.args].join(" "),
        system: machine.build.os,
      }
      : {}),
    backend: precision === "full"
      ? tf.getBackend()
      : `${tf.getBackend()}, ${precision} precision`,
    braintape: LIBRARY_VERSION,
    tfjs: tf.version_core,
    runtime: deno
      ? `Deno ${deno.version.deno}`
      : globalThis.navigator?.userAgent ?? "Node",
  };
}

/** A date as text, to the second. */
export function dateText(date: Date): string {
  return `${date.toISOString().slice(0, 19).replace("T", " ")} UTC`;
}

/** The last part of an address. */
function fileName(address: string): string {
  return address.split(/[/\\]/).at(-1) ?? address;
}
