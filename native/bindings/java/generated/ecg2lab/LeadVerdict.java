// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum LeadVerdict {
  /** The recording was refused before. */
  NOT_JUDGED(0),
  GOOD(1),
  /** Neither recorded nor to be derived from others. */
  MISSING(2),
  /** Not a single value. */
  EMPTY(3),
  /** No value for as long as a window. */
  GAP(4),
  /** Every sample is the same. */
  FLAT(5),
  /** More than half of the samples are beyond the clip limit. */
  CLIPPED(6),
  /** Another fault refuses it: see {@code faults} of the result. */
  FAULTY(7),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  LeadVerdict(int code) {
    this.code = code;
  }

  static LeadVerdict of(int code) {
    for (LeadVerdict one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
