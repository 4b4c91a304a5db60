// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum Facts {
  /** Whatever the data had of what the model takes. */
  ALL(0),
  /** Age and sex alone. */
  AGE_AND_SEX(1),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Facts(int code) {
    this.code = code;
  }

  static Facts of(int code) {
    for (Facts one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
