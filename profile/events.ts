/** Some work, with the time that it took. Times are milliseconds. */
export interface WorkEvent {
  /** The kernel, or another name. */
  readonly name: string;
  /** When it began, since the first step did. */
  readonly start: number;
  /** How long it took, with the work inside. */
  readonly duration: number;
}

/** Work of the host. */
export interface HostEvent extends WorkEvent {
  /** How long it took, without the work inside. */
  readonly self: number;
  /** The bytes of what it read and wrote, if known. */
  readonly bytes: number | undefined;
}
