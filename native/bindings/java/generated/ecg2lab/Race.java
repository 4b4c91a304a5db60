// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum Race {
  UNKNOWN(-1),
  ASIAN(0),
  BLACK(1),
  HISPANIC(2),
  OTHER(3),
  WHITE(4),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Race(int code) {
    this.code = code;
  }

  static Race of(int code) {
    for (Race one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
