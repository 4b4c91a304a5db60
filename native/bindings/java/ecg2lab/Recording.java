package ecg2lab;

import com.sun.jna.Memory;
import java.util.ArrayList;
import java.util.Arrays;
import java.util.List;
import java.util.Map;

/** An ECG in memory; or, without samples, what those of a stream will be. */
public final class Recording {
  final SampleType type;
  private final Samples samples;
  private List<String> leads = new ArrayList<>();
  private double samplingRate;
  private Unit unit;
  private Layout layout = Layout.LEAD_AFTER_LEAD;
  private Integer missing;
  private double[] gain;
  private double[] baseline;
  private Map<String, String> source;

  /** Samples are copied. NaN is a missing one. */
  public Recording(double[] samples) {
    this(SampleType.DOUBLE, Samples.of(samples));
  }

  /** As above. */
  public Recording(float[] samples) {
    this(SampleType.FLOAT, Samples.of(samples));
  }

  /** As above; {@link #missing} says which number is a missing sample. */
  public Recording(short[] samples) {
    this(SampleType.INT16, Samples.of(samples));
  }

  /** As above, such as those of 24-bit converters. */
  public Recording(int[] samples) {
    this(SampleType.INT32, Samples.of(samples));
  }

  /** What the samples of a stream will be. */
  public Recording(SampleType type) {
    this(type, null);
  }

  private Recording(SampleType type, Samples samples) {
    this.type = type;
    this.samples = samples;
  }

  /** Their names, in any letter case and in the order of the samples. */
  public Recording leads(String... names) {
    leads = new ArrayList<>(Arrays.asList(names));
    return this;
  }

  /** Hz. */
  public Recording samplingRate(double value) {
    samplingRate = value;
    return this;
  }

  /** There is no default: without one a recording is refused. */
  public Recording unit(Unit value) {
    unit = value;
    return this;
  }

  /** One lead after another by default. */
  public Recording layout(Layout value) {
    layout = value;
    return this;
  }

  /** Counts per millivolt for {@link Unit#ADC}: one number, or one for each lead. */
  public Recording gain(double... values) {
    gain = values;
    return this;
  }

  /** The count of zero volt, likewise; 0 by default. */
  public Recording baseline(double... values) {
    baseline = values;
    return this;
  }

  /** The number that marks a missing sample among integers; null, the default: none does. */
  public Recording missing(Integer value) {
    missing = value;
    return this;
  }

  /** Whatever identifies the recording: carried to the result untouched, never logged. */
  public Recording source(Map<String, String> fields) {
    source = fields;
    return this;
  }

  Declarations.Recording copy() {
    Declarations.Recording to = new Declarations.Recording();
    Library.check(Library.CALLS.ecg2lab_recording_init(to, new Size(to.size())));
    to.samples = samples == null ? null : samples.memory;
    to.sample_type = type.code;
    to.unit = unit == null ? 0 : unit.code;
    to.leads = Texts.lend(leads);
    to.lead_count = new Size(leads.size());
    to.sample_count = new Size(samples == null ? 0 : samplesOfEach(samples));
    to.sampling_rate_hz = samplingRate;
    if (layout == Layout.SAMPLE_AFTER_SAMPLE) {
      to.lead_stride = new Size(1);
      to.sample_stride = new Size(leads.size());
    }
    to.buffer_bytes = new Size(samples == null ? 0 : samples.bytes);
    to.has_missing_code = missing == null ? 0 : 1;
    to.missing_code = missing == null ? 0 : missing;
    if (gain != null) {
      to.gain = Samples.of(gain).memory;
      to.gain_count = new Size(gain.length);
    }
    if (baseline != null) {
      to.baseline = Samples.of(baseline).memory;
      to.baseline_count = new Size(baseline.length);
    }
    if (source != null) {
      List<String> texts = new ArrayList<>();
      source.forEach((name, value) -> texts.addAll(Arrays.asList(name, value)));
      to.source = Texts.lend(texts);
      to.source_count = new Size(source.size());
    }
    return to;
  }

  /** How many of each lead there are; a number that is not the same for all would be read beyond its end. */
  int samplesOfEach(Samples array) {
    if (leads.isEmpty()) return 0;
    if (array.count % leads.size() == 0) return array.count / leads.size();
    throw new IllegalArgumentException(
        array.count + " samples are not the same number for each of " + leads.size() + " leads");
  }

  /** An array in the library's memory. */
  static final class Samples {
    final int count;
    final long bytes;
    final Memory memory;

    private Samples(int count, int width) {
      this.count = count;
      bytes = (long) count * width;
      memory = new Memory(Math.max(1, bytes));
    }

    static Samples of(double[] numbers) {
      Samples all = new Samples(numbers.length, Double.BYTES);
      all.memory.write(0, numbers, 0, numbers.length);
      return all;
    }

    static Samples of(float[] numbers) {
      Samples all = new Samples(numbers.length, Float.BYTES);
      all.memory.write(0, numbers, 0, numbers.length);
      return all;
    }

    static Samples of(int[] numbers) {
      Samples all = new Samples(numbers.length, Integer.BYTES);
      all.memory.write(0, numbers, 0, numbers.length);
      return all;
    }

    static Samples of(byte[] numbers) {
      Samples all = new Samples(numbers.length, Byte.BYTES);
      all.memory.write(0, numbers, 0, numbers.length);
      return all;
    }

    static Samples of(short[] numbers) {
      Samples all = new Samples(numbers.length, Short.BYTES);
      all.memory.write(0, numbers, 0, numbers.length);
      return all;
    }
  }
}
