// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

public final class Finding {
  public final Target target;
  /** Mean over the windows, calibrated where the contract has a calibration. */
  public final double probability;
  /** Of the single windows. */
  public final double lowest;
  public final double highest;
  /** NaN: none. */
  public final double decisionThreshold;
  /** True flagged, false not flagged, null nothing was decided. */
  public final Boolean detected;
  public final Verdict verdict;
  /** {@code verdict} in the library's words, a newer one's too. */
  public final String verdictWord;
  /** Why it is neither flagged nor not flagged; null: it is one of them. */
  public final String reason;
  /** Share of positives where the decision was measured; NaN: not stated. */
  public final double baseRate;
  /** Of the probability to the base rate; NaN likewise. */
  public final double ratio;
  /** By which the threshold was chosen, such as "specificity=0.9"; null: not stated. */
  public final String rule;
  /** That holds for this answer; null: none, or an unknown one. */
  public final OperatingPoint operatingPoint;
  /** {@code reason} by code and parameters, one for each reason. This and the next since ABI version 4. */
  public final List<Message> reasons;

  Finding(Declarations.Finding from) {
    target = from.target == null ? null : new Target(new Declarations.Target(from.target));
    probability = from.probability;
    lowest = from.lowest;
    highest = from.highest;
    decisionThreshold = from.decision_threshold;
    detected = from.detected < 0 ? null : Boolean.valueOf(from.detected == 1);
    verdict = Verdict.of(from.verdict);
    verdictWord = Texts.read(Library.CALLS.ecg2lab_verdict_name(from.verdict));
    reason = Texts.read(from.reason);
    baseRate = from.base_rate;
    ratio = from.ratio;
    rule = Texts.read(from.rule);
    operatingPoint = from.operating_point == null ? null : new OperatingPoint(new Declarations.OperatingPoint(from.operating_point));
    reasons = Lists.ofPointers(from.reasons, from.reason_count, at -> new Message(new Declarations.Message(at)));
  }
}
