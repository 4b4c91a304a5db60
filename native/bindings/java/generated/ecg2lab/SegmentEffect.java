// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

/** The same of a stretch of time, in all leads. */
public final class SegmentEffect {
  /** From the beginning of the recording. */
  public final double startS;
  public final double endS;
  public final double logit;
  public final double probability;

  SegmentEffect(Declarations.SegmentEffect from) {
    startS = from.start_s;
    endS = from.end_s;
    logit = from.logit;
    probability = from.probability;
  }
}
