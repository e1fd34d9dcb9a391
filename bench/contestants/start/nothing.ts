/** A process that does nothing. */
import process from "node:process";

const { user, system } = process.cpuUsage();
console.log((user + system) / 1000);
