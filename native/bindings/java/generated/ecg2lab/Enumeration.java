// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** The enumerations of this header that grow. Since ABI version 4. */
public enum Enumeration {
  STATUS(0),
  LEAD_VERDICT(1),
  VERDICT(2),
  REFUSAL(3),
  QUALITY(4),
  FAULT(5),
  EXPERIENCE(6),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Enumeration(int code) {
    this.code = code;
  }

  static Enumeration of(int code) {
    for (Enumeration one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
