// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** There is no default: a unit that was not set is refused, never guessed. */
public enum Unit {
  MICROVOLT(1),
  MILLIVOLT(2),
  VOLT(3),
  /** Counts, with gain and baseline. */
  ADC(4),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Unit(int code) {
    this.code = code;
  }

  static Unit of(int code) {
    for (Unit one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
