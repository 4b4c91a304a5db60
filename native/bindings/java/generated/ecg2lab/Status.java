// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum Status {
  OK(0),
  /** A null pointer, a wrong struct size, an unknown code, a count beyond reason. */
  ERROR_ARGUMENT(1),
  /** The file is missing, is no bundle, is damaged or of another version. */
  ERROR_BUNDLE(2),
  /** A precision or number of threads that cannot be had; a network that cannot answer. */
  ERROR_BACKEND(3),
  /** Refused: leads, unit, rate or length of the recording. */
  ERROR_RECORDING(4),
  /** Refused: a value is implausible, contradictory or missing, or the patient too young. */
  ERROR_PATIENT(5),
  /** Refused: the ECG is not good enough to answer from. */
  ERROR_QUALITY(6),
  ERROR_MEMORY(7),
  /** A fault of the library: please report it. */
  ERROR_INTERNAL(8),
  /** The call's deadline passed. This and the next since ABI version 4. */
  ERROR_DEADLINE(9),
  ERROR_CANCELLED(10),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Status(int code) {
    this.code = code;
  }

  static Status of(int code) {
    for (Status one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
