// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** One output: potassium &gt; 5.1 mEq/L. */
public final class Target {
  public final String name;
  /** Null: the model does not say what the target means, and the next six say nothing. */
  public final String lab;
  /** Null: none. */
  public final String loinc;
  /** Empty for a dimensionless quantity. */
  public final String unit;
  /** "&lt;", "&lt;=", "&gt;" or "&gt;=". */
  public final String comparison;
  public final double limit;
  public final Setting setting;
  public final long horizonMin;
  public final String category;
  /**
   * Calibrated probability from which it is flagged in a recording with all facts; a finding has its own. NaN: never.
   */
  public final double decisionThreshold;

  Target(Declarations.Target from) {
    name = Texts.read(from.name);
    lab = Texts.read(from.lab);
    loinc = Texts.read(from.loinc);
    unit = Texts.read(from.unit);
    comparison = Texts.read(from.comparison);
    limit = from.limit;
    setting = Setting.of(from.setting);
    horizonMin = from.horizon_min;
    category = Texts.read(from.category);
    decisionThreshold = from.decision_threshold;
  }
}
