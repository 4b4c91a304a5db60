// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

public final class Lead {
  public final String name;
  public final LeadVerdict verdict;
  /** {@code verdict} in the library's words, a newer one's too. */
  public final String verdictWord;
  /** True: computed from two other limb leads. */
  public final boolean derived;
  /** At the recording's rate, interpolated. */
  public final long missingSamples;
  public final long clippedSamples;
  /** Missing samples without a break. */
  public final long longestGap;
  public final double peakToPeakMv;
  /** What the quality gate measured, as docs/quality.md defines it; NaN: it could not be measured. */
  public final double flatShare;
  public final double saturatedShare;
  public final double noiseMv;
  public final double wanderMv;
  public final double mainsMv;
  public final double bsqi;
  public final double ksqi;
  public final double ssqi;
  public final double psqi;
  public final double bassqi;

  Lead(Declarations.Lead from) {
    name = Texts.read(from.name);
    verdict = LeadVerdict.of(from.verdict);
    verdictWord = Texts.read(Library.CALLS.ecg2lab_lead_verdict_name(from.verdict));
    derived = from.derived == 1;
    missingSamples = from.missing_samples.longValue();
    clippedSamples = from.clipped_samples.longValue();
    longestGap = from.longest_gap.longValue();
    peakToPeakMv = from.peak_to_peak_mv;
    flatShare = from.flat_share;
    saturatedShare = from.saturated_share;
    noiseMv = from.noise_mv;
    wanderMv = from.wander_mv;
    mainsMv = from.mains_mv;
    bsqi = from.bsqi;
    ksqi = from.ksqi;
    ssqi = from.ssqi;
    psqi = from.psqi;
    bassqi = from.bassqi;
  }
}
