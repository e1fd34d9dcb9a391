/** Loading all of Braintape. */
import process from "node:process";
import "../../../mod.ts";

const { user, system } = process.cpuUsage();
console.log((user + system) / 1000);
