// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** What the quality gate thinks of a recording. */
public enum Quality {
  /** The recording was refused before. */
  NOT_JUDGED(0),
  ACCEPTED(1),
  /** Accepted; {@code faults} says what to know about it. */
  WARNINGS(2),
  REFUSED(3),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Quality(int code) {
    this.code = code;
  }

  static Quality of(int code) {
    for (Quality one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
