// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** What becomes of a number about the patient outside the model's range, which is no measurement. */
public enum OutOfRange {
  REFUSE(0),
  /** It counts as not given, as in training, and the result names it. */
  IMPUTE(1),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  OutOfRange(int code) {
    this.code = code;
  }

  static OutOfRange of(int code) {
    for (OutOfRange one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
