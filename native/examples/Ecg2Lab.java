// ecg2lab.h for Java through JNA, as far as an ECG cart needs it: a model, a question, an answer. A file to copy into a
// program.

import com.sun.jna.IntegerType;
import com.sun.jna.Memory;
import com.sun.jna.Native;
import com.sun.jna.Pointer;
import com.sun.jna.StringArray;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.PointerByReference;
import java.nio.charset.StandardCharsets;
import java.util.ArrayList;
import java.util.Collections;
import java.util.List;
import java.util.function.Function;

public final class Ecg2Lab {
  private static final int ABI_VERSION = 3;
  private static final String UTF8 = "UTF-8";
  private static final Library LIBRARY = Native.load("ecg2lab", Library.class);

  // Structs only grow: an older library would leave the end of ours unwritten.
  static {
    if (LIBRARY.ecg2lab_abi_version() < ABI_VERSION) throw new UnsatisfiedLinkError("libecg2lab is too old");
  }

  private Ecg2Lab() {}

  public enum Unit {
    MICROVOLT(1), MILLIVOLT(2), VOLT(3);

    private final int code;

    Unit(int code) {
      this.code = code;
    }
  }

  public enum FindingVerdict { NO_DECISION, FLAGGED, NOT_FLAGGED, UNSURE, OUTSIDE_EXPERIENCE }

  public enum Verdict { NOT_JUDGED, GOOD, MISSING, EMPTY, GAP, FLAT, CLIPPED, FAULTY }

  /** A call that failed; the message is the library's sentence. */
  public static class Ecg2LabException extends RuntimeException {
    private static final long serialVersionUID = 1;
    public final String status;

    Ecg2LabException(int status) {
      this(status, text(LIBRARY.ecg2lab_last_error()));
    }

    Ecg2LabException(int status, String message) {
      super(message);
      this.status = text(LIBRARY.ecg2lab_status_name(status));
    }
  }

  /** The library understood and does not answer: `leads` says which electrodes to look at. */
  public static final class RefusedException extends Ecg2LabException {
    private static final long serialVersionUID = 1;
    public final transient List<Lead> leads;

    RefusedException(int status, List<Lead> leads) {
      super(status);
      this.leads = leads;
    }
  }

  public static final class Lead {
    public final String name;
    public final Verdict verdict; // null: one of a newer library
    public final String word; // the same, as the library says it

    private Lead(LeadStruct struct) {
      name = text(struct.name);
      boolean understood = 0 <= struct.verdict && struct.verdict < Verdict.values().length;
      verdict = understood ? Verdict.values()[struct.verdict] : null;
      word = text(LIBRARY.ecg2lab_lead_verdict_name(struct.verdict));
    }
  }

  public static final class Finding {
    public final String target;
    public final double probability;
    public final Boolean detected; // whether it is flagged; null: nothing was decided
    public final FindingVerdict verdict;
    public final String reason; // why it is neither flagged nor not; null: it is one
    public final Double baseRate; // share of positives where the decision was measured; null: not stated
    public final Double ratio; // of the probability to it
    public final String rule; // by which the threshold was chosen; null: not stated
    public final Double ppv; // share of right ones among such flags; null: not stated

    private Finding(FindingStruct struct) {
      target = text(new TargetStruct(struct.target).name);
      probability = struct.probability;
      detected = struct.detected < 0 ? null : Boolean.valueOf(struct.detected == 1);
      boolean understood = 0 <= struct.verdict && struct.verdict < FindingVerdict.values().length;
      verdict = understood ? FindingVerdict.values()[struct.verdict] : FindingVerdict.NO_DECISION;
      reason = text(struct.reason);
      baseRate = stated(struct.base_rate);
      ratio = stated(struct.ratio);
      rule = text(struct.rule);
      ppv = struct.operating_point == null ? null : stated(new OperatingPointStruct(struct.operating_point).ppv.value);
    }
  }

  /** An input that was not given, and what stood in for it. */
  public static final class Imputed {
    public final String name;
    public final double number;
    public final String word; // null for a number

    private Imputed(ImputedStruct struct) {
      name = text(struct.name);
      number = struct.number;
      word = text(struct.word);
    }
  }

  public static final class Answer {
    public final String modelName, notice;
    public final List<Lead> leads;
    public final List<Finding> findings;
    public final List<Imputed> imputed;
    public final String quality; // "accepted", "warnings" or "refused"
    public final List<String> faults; // what to know about the recording, in sentences
    public final double durationS, unusedS;
    public final long windows;

    private Answer(ResultStruct struct) {
      modelName = text(struct.model_name);
      notice = text(struct.notice);
      leads = list(struct.leads, struct.lead_count, pointer -> new Lead(new LeadStruct(pointer)));
      findings = list(struct.findings, struct.finding_count, pointer -> new Finding(new FindingStruct(pointer)));
      imputed = list(struct.imputed, struct.imputed_count, pointer -> new Imputed(new ImputedStruct(pointer)));
      quality = text(LIBRARY.ecg2lab_quality_name(struct.quality));
      faults = list(struct.faults, struct.fault_count, pointer -> text(new FaultStruct(pointer).message));
      durationS = struct.duration_s;
      unusedS = struct.unused_s;
      windows = struct.window_count.longValue();
    }
  }

  /** What is known of a patient; NaN, and -1 for a code, is not known. */
  public static final class Patient {
    private final PatientStruct known = new PatientStruct();

    public Patient() {
      check(LIBRARY.ecg2lab_patient_init(known, new Size(known.size())));
    }

    public void setSex(int code) { // 0 female, 1 male
      known.sex = code;
    }

    public void setRace(int code) { // 0 asian, 1 black, 2 hispanic, 3 other, 4 white
      known.race = code;
    }

    /** A fact that is a number, by its name in ecg2lab_patient; returns whether there is one of that name. */
    public boolean trySet(String name, double value) {
      try {
        PatientStruct.class.getField(name).setDouble(known, value);
        return true;
      } catch (ReflectiveOperationException | IllegalArgumentException notThere) {
        return false;
      }
    }
  }

  public static final class Recording {
    public double[] samples = {}; // one sample of every lead after another; NaN is a missing one
    public String[] leads = {};
    public double samplingRateHz;
    public Unit unit;
  }

  /** May be shared between threads. Close it when no call with it is running. */
  public static final class Model implements AutoCloseable {
    private Pointer handle;

    public Model(String path) {
      this(path, 1, null);
    }

    public Model(String path, int threads, String precision) {
      OptionsStruct options = new OptionsStruct();
      check(LIBRARY.ecg2lab_options_init(options, new Size(options.size())));
      options.threads = new Size(threads);
      options.precision = bytes(precision);
      PointerByReference model = new PointerByReference();
      check(LIBRARY.ecg2lab_load(bytes(path), options, model));
      handle = model.getValue();
    }

    @Override
    public void close() {
      LIBRARY.ecg2lab_free(handle);
      handle = null;
    }

    /** Throws RefusedException where the library does not answer from this recording. */
    public Answer predict(Recording recording, Patient patient) {
      int leads = recording.leads.length;
      requireWhole(recording.samples.length, leads);
      Memory samples = new Memory(Math.max(1, recording.samples.length) * (long) Double.BYTES);
      samples.write(0, recording.samples, 0, recording.samples.length);
      RecordingStruct given = new RecordingStruct();
      check(LIBRARY.ecg2lab_recording_init(given, new Size(given.size())));
      given.samples = samples;
      given.sample_type = 1; // ECG2LAB_DOUBLE
      given.unit = recording.unit == null ? 0 : recording.unit.code;
      given.leads = new StringArray(recording.leads, UTF8);
      given.lead_count = new Size(leads);
      given.sample_count = new Size(leads == 0 ? 0 : recording.samples.length / leads);
      given.sampling_rate_hz = recording.samplingRateHz;
      given.lead_stride = new Size(1);
      given.sample_stride = new Size(leads);
      given.buffer_bytes = new Size(recording.samples.length * (long) Double.BYTES);
      PointerByReference result = new PointerByReference();
      int status = LIBRARY.ecg2lab_predict(handle, given, patient.known, result);
      if (result.getValue() == null) throw new Ecg2LabException(status);
      try {
        Answer answer = new Answer(new ResultStruct(result.getValue()));
        if (status != 0) throw new RefusedException(status, answer.leads);
        return answer;
      } finally {
        LIBRARY.ecg2lab_result_free(result.getValue());
      }
    }
  }

  // A remainder would be left out without a word, and every lead be wrong where one sample is lost.
  private static void requireWhole(int samples, int leads) {
    if (leads == 0 || samples % leads == 0) return;
    throw new Ecg2LabException(1, samples + " samples are not as many for each of " + leads + " leads");
  }

  private static void check(int status) {
    if (status != 0) throw new Ecg2LabException(status);
  }

  private static String text(Pointer text) {
    return text == null ? null : text.getString(0, UTF8);
  }

  private static Double stated(double number) {
    return Double.isNaN(number) ? null : Double.valueOf(number);
  }

  private static Memory bytes(String text) {
    if (text == null) return null;
    byte[] bytes = (text + "\0").getBytes(StandardCharsets.UTF_8);
    Memory memory = new Memory(bytes.length);
    memory.write(0, bytes, 0, bytes.length);
    return memory;
  }

  // The structs behind an array of pointers.
  private static <T> List<T> list(Pointer pointers, Size count, Function<Pointer, T> copy) {
    List<T> all = new ArrayList<>();
    for (int i = 0; i < count.intValue(); ++i) all.add(copy.apply(pointers.getPointer((long) i * Native.POINTER_SIZE)));
    return Collections.unmodifiableList(all);
  }

  // ---- The structs and calls of ecg2lab.h, field by field; every pointer is a Pointer ----

  /** size_t. */
  public static final class Size extends IntegerType {
    private static final long serialVersionUID = 1;

    public Size() {
      this(0);
    }

    public Size(long value) {
      super(Native.SIZE_T_SIZE, value, true);
    }
  }

  @FieldOrder({"struct_size", "precision", "threads", "log", "log_user", "out_of_range"})
  public static final class OptionsStruct extends Structure {
    public Size struct_size;
    public Pointer precision;
    public Size threads;
    public Pointer log, log_user;
    public int out_of_range;
  }

  @FieldOrder({"name", "lab", "loinc", "unit", "comparison", "limit", "setting", "horizon_min", "category",
               "decision_threshold"})
  public static final class TargetStruct extends Structure {
    public Pointer name, lab, loinc, unit, comparison;
    public double limit;
    public int setting, horizon_min;
    public Pointer category;
    public double decision_threshold;

    TargetStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  @FieldOrder({"struct_size", "samples", "sample_type", "unit", "leads", "lead_count", "sample_count",
               "sampling_rate_hz", "lead_stride", "sample_stride", "gain", "gain_count", "baseline", "baseline_count",
               "source", "source_count", "buffer_bytes", "has_missing_code", "missing_code"})
  public static final class RecordingStruct extends Structure {
    public Size struct_size;
    public Pointer samples;
    public int sample_type, unit;
    public Pointer leads;
    public Size lead_count, sample_count;
    public double sampling_rate_hz;
    public Size lead_stride, sample_stride;
    public Pointer gain;
    public Size gain_count;
    public Pointer baseline;
    public Size baseline_count;
    public Pointer source;
    public Size source_count, buffer_bytes;
    public int has_missing_code, missing_code;
  }

  @FieldOrder({"struct_size", "sex", "race", "age", "respiratory_per_min", "spo2_percent", "diastolic_mmhg",
               "systolic_mmhg", "heart_rate_bpm", "temperature_c", "temperature_f", "height_cm", "weight_kg", "bmi"})
  public static final class PatientStruct extends Structure {
    public Size struct_size;
    public int sex, race;
    public double age, respiratory_per_min, spo2_percent, diastolic_mmhg, systolic_mmhg, heart_rate_bpm;
    public double temperature_c, temperature_f, height_cm, weight_kg, bmi;
  }

  @FieldOrder({"name", "verdict", "derived", "missing_samples", "clipped_samples", "longest_gap", "peak_to_peak_mv",
               "flat_share", "saturated_share", "noise_mv", "wander_mv", "mains_mv", "bsqi", "ksqi", "ssqi", "psqi",
               "bassqi"})
  public static final class LeadStruct extends Structure {
    public Pointer name;
    public int verdict, derived;
    public Size missing_samples, clipped_samples, longest_gap;
    public double peak_to_peak_mv;
    public double flat_share, saturated_share, noise_mv, wander_mv, mains_mv, bsqi, ksqi, ssqi, psqi, bassqi;

    LeadStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  @FieldOrder({"code", "refuses", "name", "lead", "other_lead", "measured", "limit", "message"})
  public static final class FaultStruct extends Structure {
    public int code, refuses;
    public Pointer name, lead, other_lead;
    public double measured, limit;
    public Pointer message;

    FaultStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  @FieldOrder({"value", "low", "high"})
  public static final class MeasuredStruct extends Structure {
    public double value, low, high;
  }

  @FieldOrder({"windows", "facts", "threshold", "patients", "positives", "negatives", "prevalence", "sensitivity",
               "specificity", "ppv", "npv", "conformal_error", "coverage_positive", "coverage_negative", "unsure"})
  public static final class OperatingPointStruct extends Structure {
    public Size windows;
    public int facts;
    public double threshold;
    public Size patients, positives, negatives;
    public double prevalence;
    public MeasuredStruct sensitivity, specificity, ppv, npv;
    public double conformal_error;
    public MeasuredStruct coverage_positive, coverage_negative, unsure;

    OperatingPointStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  @FieldOrder({"target", "probability", "lowest", "highest", "decision_threshold", "detected", "verdict", "reason",
               "base_rate", "ratio", "rule", "operating_point"})
  public static final class FindingStruct extends Structure {
    public Pointer target;
    public double probability, lowest, highest, decision_threshold;
    public int detected, verdict;
    public Pointer reason;
    public double base_rate, ratio;
    public Pointer rule, operating_point;

    FindingStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  @FieldOrder({"name", "number", "word"})
  public static final class ImputedStruct extends Structure {
    public Pointer name;
    public double number;
    public Pointer word;

    ImputedStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  @FieldOrder({"struct_size", "status", "refusal", "message", "notice", "model_name", "bundle_digest", "leads",
               "lead_count", "findings", "finding_count", "imputed", "imputed_count", "unused_facts",
               "unused_fact_count", "duration_s", "window_count", "unused_s", "source", "source_count",
               "window_begin", "quality", "faults", "fault_count", "out_of_range", "out_of_range_count", "experience",
               "experience_distance", "experience_limit"})
  public static final class ResultStruct extends Structure {
    public Size struct_size;
    public int status, refusal;
    public Pointer message, notice, model_name, bundle_digest;
    public Pointer leads;
    public Size lead_count;
    public Pointer findings;
    public Size finding_count;
    public Pointer imputed;
    public Size imputed_count;
    public Pointer unused_facts;
    public Size unused_fact_count;
    public double duration_s;
    public Size window_count;
    public double unused_s;
    public Pointer source;
    public Size source_count;
    public long window_begin;
    public int quality;
    public Pointer faults;
    public Size fault_count;
    public Pointer out_of_range;
    public Size out_of_range_count;
    public int experience;
    public double experience_distance, experience_limit;

    ResultStruct(Pointer memory) {
      super(memory);
      read();
    }
  }

  public interface Library extends com.sun.jna.Library {
    int ecg2lab_abi_version();

    Pointer ecg2lab_status_name(int status);

    Pointer ecg2lab_lead_verdict_name(int verdict);

    Pointer ecg2lab_quality_name(int quality);

    Pointer ecg2lab_last_error();

    int ecg2lab_options_init(OptionsStruct options, Size size);

    int ecg2lab_recording_init(RecordingStruct recording, Size size);

    int ecg2lab_patient_init(PatientStruct patient, Size size);

    int ecg2lab_load(Pointer path, OptionsStruct options, PointerByReference model);

    void ecg2lab_free(Pointer model);

    int ecg2lab_predict(Pointer model, RecordingStruct recording, PatientStruct patient, PointerByReference result);

    void ecg2lab_result_free(Pointer result);
  }
}
