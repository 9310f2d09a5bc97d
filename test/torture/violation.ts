/** An invariant of DESIGN.md that did not hold, and what was seen. */
export interface Violation {
  readonly invariant: string;
  readonly text: string;
}

/** What somebody else did by hand, and so is nobody's fault. */
export interface ByHand {
  /** Ids of versions that were written into the vault. */
  readonly written: Set<string>;
  /** Values that were disabled in the vault. */
  readonly disabled: Set<string>;
  /** Ids of copies that were removed. */
  readonly removed: Set<string>;
  /** Services that were updated, scaled or removed, and files that were written. */
  readonly services: Set<string>;
  /** `path variable value` of what was put into files. */
  readonly put: Set<string>;
}

export function nothingByHand(): ByHand {
  return { written: new Set(), disabled: new Set(), removed: new Set(), services: new Set(), put: new Set() };
}
