// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** What can be wrong with a lead or a recording; docs/quality.md defines the figures. The limits are the model's. */
public enum FaultCode {
  /** Seconds. */
  TOO_SHORT(1),
  /** Not a single value. */
  EMPTY(2),
  /** Seconds without values, without a break. */
  GAP(3),
  /** Share of the samples. */
  MISSING(4),
  /** Share of the time: a disconnected lead. */
  FLAT(5),
  /** Share of the samples, beyond the clip limit. */
  CLIPPED(6),
  /** mV: usual range of the leads in a second. */
  TOO_SMALL(7),
  /** The same. */
  TOO_LARGE(8),
  /** Share of the samples, at an end of the amplifier's range. */
  SATURATED(9),
  /** mV, above 40 Hz and between the beats. */
  NOISE(10),
  /** mV, peak to peak, of the baseline. */
  WANDER(11),
  /** mV, amplitude at 50 or 60 Hz. */
  MAINS(12),
  /** The signal quality indices. */
  BSQI(13),
  KSQI(14),
  SSQI(15),
  PSQI(16),
  BASSQI(17),
  /** Difference from {@code other_lead}, relative. */
  DUPLICATE(18),
  /** Distance from what I and II say, relative. */
  LIMB_ALGEBRA(19),
  /** Correlation of I with V6. */
  ARM_REVERSAL(20),
  /** mV: usual height of spikes. */
  PACED(21),
  /** A code of a library that is newer than this file. */
  UNLISTED(Integer.MIN_VALUE);

  /** The header's number. */
  public final int code;

  FaultCode(int code) {
    this.code = code;
  }

  static FaultCode of(int code) {
    for (FaultCode one : values()) if (one.code == code) return one;
    return UNLISTED;
  }
}
