// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** Whether the recording is one of those that the model knows. */
public enum Experience {
  /** Refused; or the model has no limit for so many windows and facts. */
  NOT_JUDGED(0),
  INSIDE(1),
  /** Every verdict is ECG2LAB_OUTSIDE_EXPERIENCE; {@code reason} of each says why. */
  OUTSIDE(2),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Experience(int code) {
    this.code = code;
  }

  static Experience of(int code) {
    for (Experience one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
