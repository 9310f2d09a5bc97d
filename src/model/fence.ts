/**
 * Stands before every change of the outside and of the record: whoever lost the lease, or slept through its end,
 * changes nothing more.
 */
export interface Fence {
  /**
   * Throws a `lease-lost` fault once the lease ran out or was taken; else says how long an act that begins at this
   * moment may take, in ms, at least 1. Call it right before the request or the write.
   */
  pass(): number;
  /** Aborts when the lease is lost, so that what waits stops waiting. */
  readonly lost: AbortSignal;
}
