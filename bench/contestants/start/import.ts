/** Loading all of Braintape. */
import "../../../mod.ts";
