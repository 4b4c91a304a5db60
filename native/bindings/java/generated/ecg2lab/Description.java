// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import java.util.List;

public final class Description {
  public final String name;
  /** Goes with every answer. */
  public final String notice;
  /** SHA-256, 64 hexadecimal digits. */
  public final String bundleDigest;
  /** That computes. */
  public final String precision;
  /** That computes, such as "avx2". */
  public final String instructionSet;
  public final long threads;
  /** True yes, false no, null not stated. */
  public final Boolean syntheticWeights;
  /** True: looks back only. */
  public final boolean causal;
  /** In the network's order. */
  public final List<String> leads;
  public final double samplingRateHz;
  /** At that rate: a recording must be at least as long. */
  public final long windowSamples;
  public final double clipMv;
  /** Years; a younger patient is refused. */
  public final double minimumAge;
  public final List<Number> numbers;
  public final List<Category> categories;
  public final List<Target> targets;

  Description(Declarations.Description from) {
    name = Texts.read(from.name);
    notice = Texts.read(from.notice);
    bundleDigest = Texts.read(from.bundle_digest);
    precision = Texts.read(from.precision);
    instructionSet = Texts.read(from.instruction_set);
    threads = from.threads.longValue();
    syntheticWeights = from.synthetic_weights < 0 ? null : Boolean.valueOf(from.synthetic_weights == 1);
    causal = from.causal == 1;
    leads = Texts.readAll(from.leads, from.lead_count);
    samplingRateHz = from.sampling_rate_hz;
    windowSamples = from.window_samples.longValue();
    clipMv = from.clip_mv;
    minimumAge = from.minimum_age;
    numbers = Lists.ofPointers(from.numbers, from.number_count, at -> new Number(new Declarations.Number(at)));
    categories = Lists.ofPointers(from.categories, from.category_count, at -> new Category(new Declarations.Category(at)));
    targets = Lists.ofPointers(from.targets, from.target_count, at -> new Target(new Declarations.Target(at)));
  }
}
