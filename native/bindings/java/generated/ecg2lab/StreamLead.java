// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public final class StreamLead {
  public final String name;
  /** True: computed from two other limb leads. */
  public final boolean derived;
  /** True: without values for {@code longest_gap_s} until now. */
  public final boolean off;
  /** So far, at the recorded rate. */
  public final long missingSamples;
  public final long clippedSamples;
  public final long longestGap;

  StreamLead(Declarations.StreamLead from) {
    name = Texts.read(from.name);
    derived = from.derived == 1;
    off = from.off == 1;
    missingSamples = from.missing_samples.longValue();
    clippedSamples = from.clipped_samples.longValue();
    longestGap = from.longest_gap.longValue();
  }
}
