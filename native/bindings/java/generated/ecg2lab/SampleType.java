// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum SampleType {
  FLOAT(0),
  DOUBLE(1),
  INT16(2),
  /** Since ABI version 3. */
  INT32(3),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  SampleType(int code) {
    this.code = code;
  }

  static SampleType of(int code) {
    for (SampleType one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
