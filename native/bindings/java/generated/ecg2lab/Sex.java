// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum Sex {
  UNKNOWN(-1),
  FEMALE(0),
  MALE(1),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Sex(int code) {
    this.code = code;
  }

  static Sex of(int code) {
    for (Sex one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
