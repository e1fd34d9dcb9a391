/** Passengers of another day, in another program. */
import { data, loadCheckpoint, tf, useBackend } from "@braintape/braintape";
import { makeModel } from "./model.ts";

await useBackend();
const saved = await Deno.readTextFile("encoder.json");
const encoder = data.TableEncoder.fromJSON(JSON.parse(saved));
const model = makeModel(encoder.features.length);
await loadCheckpoint("model.braintape", { model });

const people = data.parseCsv(
  "Sex,Age,Pclass,Fare,Embarked\nfemale,30,1,80,C\nmale,,3,7.9,S\n",
);
const { data: inputs, shape } = encoder.inputs(people);
const x = tf.tensor2d(inputs, [people.rows.length, ...shape]);
const probabilities = await tf.softmax(model.predict(x)).data();
console.log(`survive ${probabilities[1]} ${probabilities[3]}`);
