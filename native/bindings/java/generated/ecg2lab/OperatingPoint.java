// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** The setting in which a threshold was measured, and what it was worth there. */
public final class OperatingPoint {
  /** Over which the probability is a mean. */
  public final long windows;
  public final Facts facts;
  /** NaN: none; {@code reason} of the finding says why. */
  public final double threshold;
  /** That it was measured on. */
  public final long patients;
  /** Recordings. */
  public final long positives;
  public final long negatives;
  /** Share of positives: the base rate, at which PPV and NPV hold; NaN: unknown. */
  public final double prevalence;
  public final Measured sensitivity;
  public final Measured specificity;
  /** Share of right ones among the flags. */
  public final Measured ppv;
  public final Measured npv;
  /**
   * Of the conformal set by which a target is unsure: the share of either class whose set lacks the true answer at
   * most; NaN: there is none.
   */
  public final double conformalError;
  /** Share of the positives whose set holds the true answer. */
  public final Measured coveragePositive;
  public final Measured coverageNegative;
  /** Share of recordings that are. */
  public final Measured unsure;

  OperatingPoint(Declarations.OperatingPoint from) {
    windows = from.windows.longValue();
    facts = Facts.of(from.facts);
    threshold = from.threshold;
    patients = from.patients.longValue();
    positives = from.positives.longValue();
    negatives = from.negatives.longValue();
    prevalence = from.prevalence;
    sensitivity = new Measured(from.sensitivity);
    specificity = new Measured(from.specificity);
    ppv = new Measured(from.ppv);
    npv = new Measured(from.npv);
    conformalError = from.conformal_error;
    coveragePositive = new Measured(from.coverage_positive);
    coverageNegative = new Measured(from.coverage_negative);
    unsure = new Measured(from.unsure);
  }
}
