// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** What may be said of a target. Other words may come: treat what you do not know as no decision. */
public enum Verdict {
  /** {@code reason} says why. */
  NO_DECISION(0),
  /** The probability is at or above the threshold. */
  FLAGGED(1),
  NOT_FLAGGED(2),
  /** Below the threshold, and the conformal set holds both answers or neither. */
  UNSURE(3),
  /** The recording is unlike what the model was trained on: nothing is decided. */
  OUTSIDE_EXPERIENCE(4),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Verdict(int code) {
    this.code = code;
  }

  static Verdict of(int code) {
    for (Verdict one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
