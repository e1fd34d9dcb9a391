import { nn } from "@braintape/braintape";

/** Scores of two classes from a row of numbers. */
export const makeModel = (features: number): nn.Sequential =>
  new nn.Sequential(
    new nn.Linear(features, 32),
    nn.relu,
    new nn.Dropout({ rate: 0.2 }),
    new nn.Linear(32, 2),
  );
