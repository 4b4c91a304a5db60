// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public enum Setting {
  /** Abnormal now: the value closest within plus or minus the horizon. */
  PREDICTION(0),
  /** Abnormal at some moment within the horizon. */
  FORECASTING(1),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  Setting(int code) {
    this.code = code;
  }

  static Setting of(int code) {
    for (Setting one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
