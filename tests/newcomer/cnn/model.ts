import { nn } from "@braintape/braintape";

/** Scores of ten classes from pictures of 12 by 12 pixels. */
export const makeModel = (): nn.Sequential =>
  new nn.Sequential(
    new nn.Conv2d(1, 16, 3),
    new nn.BatchNorm2d(16, { momentum: 0.9 }),
    nn.relu,
    new nn.MaxPool2d(2),
    new nn.Conv2d(16, 32, 3),
    nn.relu,
    new nn.MaxPool2d(2),
    new nn.Flatten(),
    new nn.Dropout({ rate: 0.2 }),
    new nn.Linear(3 * 3 * 32, 10),
  );
