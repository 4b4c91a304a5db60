// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum Refusal {
  NONE(0),
  /** Its lead names, unit, rate or samples cannot be used. */
  RECORDING(1),
  MISSING_LEADS(2),
  TOO_SHORT(3),
  /** This and the next three: of one lead at least. */
  EMPTY(4),
  GAP(5),
  FLAT(6),
  CLIPPED(7),
  /** No lead varies enough to be an ECG in the unit given. */
  TOO_SMALL(8),
  PATIENT(9),
  /** Another fault: the first in {@code faults} that refuses. */
  FAULT(10),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Refusal(int code) {
    this.code = code;
  }

  static Refusal of(int code) {
    for (Refusal one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
