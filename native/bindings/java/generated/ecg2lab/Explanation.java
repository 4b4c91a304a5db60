// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

/** What the answer for one target rests on. It describes the network, not the patient. */
public final class Explanation {
  public final Target target;
  /** Of the finding: calibrated, over all windows. */
  public final double logit;
  public final double probability;
  /** In the model's order. */
  public final List<Effect> leads;
  /** Side by side over all windows. */
  public final List<SegmentEffect> segments;
  /** That were given and that the model uses. */
  public final List<Effect> facts;
  /** All leads together. */
  public final Effect ecg;
  /** All facts together; null: the model cannot do without one of them. */
  public final Effect patient;
  /** Facts that the model cannot do without: their effect is not known. */
  public final List<String> notRemovable;

  Explanation(Declarations.Explanation from) {
    target = from.target == null ? null : new Target(new Declarations.Target(from.target));
    logit = from.logit;
    probability = from.probability;
    leads = Lists.ofPointers(from.leads, from.lead_count, at -> new Effect(new Declarations.Effect(at)));
    segments = Lists.ofPointers(from.segments, from.segment_count, at -> new SegmentEffect(new Declarations.SegmentEffect(at)));
    facts = Lists.ofPointers(from.facts, from.fact_count, at -> new Effect(new Declarations.Effect(at)));
    ecg = from.ecg == null ? null : new Effect(new Declarations.Effect(from.ecg));
    patient = from.patient == null ? null : new Effect(new Declarations.Effect(from.patient));
    notRemovable = Texts.readAll(from.not_removable, from.not_removable_count);
  }
}
