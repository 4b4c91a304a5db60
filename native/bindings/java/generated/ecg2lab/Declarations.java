// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
package ecg2lab;

import com.sun.jna.Callback;
import com.sun.jna.Pointer;
import com.sun.jna.Structure;
import com.sun.jna.Structure.FieldOrder;
import com.sun.jna.ptr.PointerByReference;

/** The structs and calls of ecg2lab.h, field by field. Public for JNA, not for programs. */
public final class Declarations {
  static final int ABI_VERSION = 5;

  private Declarations() {}

  @FieldOrder({"code", "name", "since", "instead"})
  public static final class Code extends Structure {
    public int code;
    public Pointer name;
    public int since;
    public int instead;

    public Code() {}

    Code(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "value"})
  public static final class Parameter extends Structure {
    public Pointer name;
    public Pointer value;

    public Parameter() {}

    Parameter(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"code", "pattern", "text", "parameters", "parameter_count"})
  public static final class Message extends Structure {
    public Pointer code;
    public Pointer pattern;
    public Pointer text;
    public Pointer parameters;
    public Size parameter_count;

    public Message() {}

    Message(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "precision", "threads", "log", "log_user", "out_of_range", "thread_begin", "thread_end", "thread_user"})
  public static final class Options extends Structure {
    public Size struct_size;
    public Pointer precision;
    public Size threads;
    public Pointer log;
    public Pointer log_user;
    public int out_of_range;
    public Pointer thread_begin;
    public Pointer thread_end;
    public Pointer thread_user;

    public Options() {}

    Options(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "deadline_s", "cancel"})
  public static final class Call extends Structure {
    public Size struct_size;
    public double deadline_s;
    public Pointer cancel;

    public Call() {}

    Call(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"quantity", "batch", "error", "tolerance", "passed"})
  public static final class Check extends Structure {
    public Pointer quantity;
    public Size batch;
    public double error;
    public double tolerance;
    public int passed;

    public Check() {}

    Check(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "status", "passed", "message", "window_count", "precision", "instruction_set", "threads", "checks", "check_count", "messages", "message_count"})
  public static final class SelftestReport extends Structure {
    public Size struct_size;
    public int status;
    public int passed;
    public Pointer message;
    public Size window_count;
    public Pointer precision;
    public Pointer instruction_set;
    public Size threads;
    public Pointer checks;
    public Size check_count;
    public Pointer messages;
    public Size message_count;

    public SelftestReport() {}

    SelftestReport(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "lab", "loinc", "unit", "comparison", "limit", "setting", "horizon_min", "category", "decision_threshold"})
  public static final class Target extends Structure {
    public Pointer name;
    public Pointer lab;
    public Pointer loinc;
    public Pointer unit;
    public Pointer comparison;
    public double limit;
    public int setting;
    public int horizon_min;
    public Pointer category;
    public double decision_threshold;

    public Target() {}

    Target(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "unit", "minimum", "maximum", "median"})
  public static final class Number extends Structure {
    public Pointer name;
    public Pointer unit;
    public double minimum;
    public double maximum;
    public double median;

    public Number() {}

    Number(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "words", "word_count", "missing_code"})
  public static final class Category extends Structure {
    public Pointer name;
    public Pointer words;
    public Size word_count;
    public int missing_code;

    public Category() {}

    Category(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "name", "notice", "bundle_digest", "precision", "instruction_set", "threads", "synthetic_weights", "causal", "leads", "lead_count", "sampling_rate_hz", "window_samples", "clip_mv", "minimum_age", "numbers", "number_count", "categories", "category_count", "targets", "target_count"})
  public static final class Description extends Structure {
    public Size struct_size;
    public Pointer name;
    public Pointer notice;
    public Pointer bundle_digest;
    public Pointer precision;
    public Pointer instruction_set;
    public Size threads;
    public int synthetic_weights;
    public int causal;
    public Pointer leads;
    public Size lead_count;
    public double sampling_rate_hz;
    public Size window_samples;
    public double clip_mv;
    public double minimum_age;
    public Pointer numbers;
    public Size number_count;
    public Pointer categories;
    public Size category_count;
    public Pointer targets;
    public Size target_count;

    public Description() {}

    Description(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "value"})
  public static final class SourceField extends Structure {
    public Pointer name;
    public Pointer value;

    public SourceField() {}

    SourceField(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "samples", "sample_type", "unit", "leads", "lead_count", "sample_count", "sampling_rate_hz", "lead_stride", "sample_stride", "gain", "gain_count", "baseline", "baseline_count", "source", "source_count", "buffer_bytes", "has_missing_code", "missing_code"})
  public static final class Recording extends Structure {
    public Size struct_size;
    public Pointer samples;
    public int sample_type;
    public int unit;
    public Pointer leads;
    public Size lead_count;
    public Size sample_count;
    public double sampling_rate_hz;
    public Size lead_stride;
    public Size sample_stride;
    public Pointer gain;
    public Size gain_count;
    public Pointer baseline;
    public Size baseline_count;
    public Pointer source;
    public Size source_count;
    public Size buffer_bytes;
    public int has_missing_code;
    public int missing_code;

    public Recording() {}

    Recording(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "sex", "race", "age", "respiratory_per_min", "spo2_percent", "diastolic_mmhg", "systolic_mmhg", "heart_rate_bpm", "temperature_c", "temperature_f", "height_cm", "weight_kg", "bmi"})
  public static final class Patient extends Structure {
    public Size struct_size;
    public int sex;
    public int race;
    public double age;
    public double respiratory_per_min;
    public double spo2_percent;
    public double diastolic_mmhg;
    public double systolic_mmhg;
    public double heart_rate_bpm;
    public double temperature_c;
    public double temperature_f;
    public double height_cm;
    public double weight_kg;
    public double bmi;

    public Patient() {}

    Patient(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"code", "refuses", "name", "lead", "other_lead", "measured", "limit", "message", "said"})
  public static final class Fault extends Structure {
    public int code;
    public int refuses;
    public Pointer name;
    public Pointer lead;
    public Pointer other_lead;
    public double measured;
    public double limit;
    public Pointer message;
    public Pointer said;

    public Fault() {}

    Fault(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "verdict", "derived", "missing_samples", "clipped_samples", "longest_gap", "peak_to_peak_mv", "flat_share", "saturated_share", "noise_mv", "wander_mv", "mains_mv", "bsqi", "ksqi", "ssqi", "psqi", "bassqi"})
  public static final class Lead extends Structure {
    public Pointer name;
    public int verdict;
    public int derived;
    public Size missing_samples;
    public Size clipped_samples;
    public Size longest_gap;
    public double peak_to_peak_mv;
    public double flat_share;
    public double saturated_share;
    public double noise_mv;
    public double wander_mv;
    public double mains_mv;
    public double bsqi;
    public double ksqi;
    public double ssqi;
    public double psqi;
    public double bassqi;

    public Lead() {}

    Lead(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"value", "low", "high"})
  public static final class Measured extends Structure {
    public double value;
    public double low;
    public double high;

    public Measured() {}

    Measured(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"windows", "facts", "threshold", "patients", "positives", "negatives", "prevalence", "sensitivity", "specificity", "ppv", "npv", "conformal_error", "coverage_positive", "coverage_negative", "unsure"})
  public static final class OperatingPoint extends Structure {
    public Size windows;
    public int facts;
    public double threshold;
    public Size patients;
    public Size positives;
    public Size negatives;
    public double prevalence;
    public Measured sensitivity;
    public Measured specificity;
    public Measured ppv;
    public Measured npv;
    public double conformal_error;
    public Measured coverage_positive;
    public Measured coverage_negative;
    public Measured unsure;

    public OperatingPoint() {}

    OperatingPoint(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"target", "probability", "lowest", "highest", "decision_threshold", "detected", "verdict", "reason", "base_rate", "ratio", "rule", "operating_point", "reasons", "reason_count"})
  public static final class Finding extends Structure {
    public Pointer target;
    public double probability;
    public double lowest;
    public double highest;
    public double decision_threshold;
    public int detected;
    public int verdict;
    public Pointer reason;
    public double base_rate;
    public double ratio;
    public Pointer rule;
    public Pointer operating_point;
    public Pointer reasons;
    public Size reason_count;

    public Finding() {}

    Finding(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "number", "word"})
  public static final class Imputed extends Structure {
    public Pointer name;
    public double number;
    public Pointer word;

    public Imputed() {}

    Imputed(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"part", "logit", "probability"})
  public static final class Effect extends Structure {
    public Pointer part;
    public double logit;
    public double probability;

    public Effect() {}

    Effect(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"start_s", "end_s", "logit", "probability"})
  public static final class SegmentEffect extends Structure {
    public double start_s;
    public double end_s;
    public double logit;
    public double probability;

    public SegmentEffect() {}

    SegmentEffect(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"target", "logit", "probability", "leads", "lead_count", "segments", "segment_count", "facts", "fact_count", "ecg", "patient", "not_removable", "not_removable_count"})
  public static final class Explanation extends Structure {
    public Pointer target;
    public double logit;
    public double probability;
    public Pointer leads;
    public Size lead_count;
    public Pointer segments;
    public Size segment_count;
    public Pointer facts;
    public Size fact_count;
    public Pointer ecg;
    public Pointer patient;
    public Pointer not_removable;
    public Size not_removable_count;

    public Explanation() {}

    Explanation(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "status", "refusal", "message", "notice", "model_name", "bundle_digest", "leads", "lead_count", "findings", "finding_count", "imputed", "imputed_count", "unused_facts", "unused_fact_count", "duration_s", "window_count", "unused_s", "source", "source_count", "window_begin", "quality", "faults", "fault_count", "out_of_range", "out_of_range_count", "experience", "experience_distance", "experience_limit", "messages", "message_count", "explanations", "explanation_count"})
  public static final class Result extends Structure {
    public Size struct_size;
    public int status;
    public int refusal;
    public Pointer message;
    public Pointer notice;
    public Pointer model_name;
    public Pointer bundle_digest;
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
    public double experience_distance;
    public double experience_limit;
    public Pointer messages;
    public Size message_count;
    public Pointer explanations;
    public Size explanation_count;

    public Result() {}

    Result(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "targets", "target_count", "segment_s"})
  public static final class ExplainOptions extends Structure {
    public Size struct_size;
    public Pointer targets;
    public Size target_count;
    public double segment_s;

    public ExplainOptions() {}

    ExplainOptions(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "data", "size"})
  public static final class Bytes extends Structure {
    public Size struct_size;
    public Pointer data;
    public Size size;

    public Bytes() {}

    Bytes(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "sending_application", "sending_facility", "receiving_application", "receiving_facility", "control_id", "time", "observed", "birth_date", "processing_id", "patient_id", "patient_authority", "family_name", "given_name", "sex", "patient_class", "location", "visit_number", "placer_order", "filler_order", "accession", "result_status", "abnormal_flag", "device", "document", "document_size", "document_type", "document_subtype"})
  public static final class Hl7 extends Structure {
    public Size struct_size;
    public Pointer sending_application;
    public Pointer sending_facility;
    public Pointer receiving_application;
    public Pointer receiving_facility;
    public Pointer control_id;
    public Pointer time;
    public Pointer observed;
    public Pointer birth_date;
    public Pointer processing_id;
    public Pointer patient_id;
    public Pointer patient_authority;
    public Pointer family_name;
    public Pointer given_name;
    public Pointer sex;
    public Pointer patient_class;
    public Pointer location;
    public Pointer visit_number;
    public Pointer placer_order;
    public Pointer filler_order;
    public Pointer accession;
    public Pointer result_status;
    public Pointer abnormal_flag;
    public Pointer device;
    public Pointer document;
    public Size document_size;
    public Pointer document_type;
    public Pointer document_subtype;

    public Hl7() {}

    Hl7(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "content", "content_size", "precision", "signal", "continuous", "categorical", "logits", "features", "lead_count", "window_samples", "continuous_count", "categorical_count", "logit_count", "feature_count"})
  public static final class Graph extends Structure {
    public Size struct_size;
    public Pointer content;
    public Size content_size;
    public Pointer precision;
    public Pointer signal;
    public Pointer continuous;
    public Pointer categorical;
    public Pointer logits;
    public Pointer features;
    public Size lead_count;
    public Size window_samples;
    public Size continuous_count;
    public Size categorical_count;
    public Size logit_count;
    public Size feature_count;

    public Graph() {}

    Graph(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "status", "refusal", "message", "window_count", "signal", "continuous", "categorical", "quality", "leads", "lead_count", "faults", "fault_count", "messages", "message_count"})
  public static final class Prepared extends Structure {
    public Size struct_size;
    public int status;
    public int refusal;
    public Pointer message;
    public Size window_count;
    public Pointer signal;
    public Pointer continuous;
    public Pointer categorical;
    public int quality;
    public Pointer leads;
    public Size lead_count;
    public Pointer faults;
    public Size fault_count;
    public Pointer messages;
    public Size message_count;

    public Prepared() {}

    Prepared(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "logits", "logit_count", "features", "feature_count", "provider", "device", "threads"})
  public static final class Output extends Structure {
    public Size struct_size;
    public Pointer logits;
    public Size logit_count;
    public Pointer features;
    public Size feature_count;
    public Pointer provider;
    public Pointer device;
    public Size threads;

    public Output() {}

    Output(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "hop_s", "longest_gap_s", "longest_backlog_s"})
  public static final class StreamOptions extends Structure {
    public Size struct_size;
    public double hop_s;
    public double longest_gap_s;
    public double longest_backlog_s;

    public StreamOptions() {}

    StreamOptions(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"name", "derived", "off", "missing_samples", "clipped_samples", "longest_gap"})
  public static final class StreamLead extends Structure {
    public Pointer name;
    public int derived;
    public int off;
    public Size missing_samples;
    public Size clipped_samples;
    public Size longest_gap;

    public StreamLead() {}

    StreamLead(Pointer at) {
      super(at);
      read();
    }
  }

  @FieldOrder({"struct_size", "received_samples", "prepared_samples", "look_ahead_samples", "due", "leads", "lead_count"})
  public static final class StreamState extends Structure {
    public Size struct_size;
    public long received_samples;
    public long prepared_samples;
    public Size look_ahead_samples;
    public Size due;
    public Pointer leads;
    public Size lead_count;

    public StreamState() {}

    StreamState(Pointer at) {
      super(at);
      read();
    }
  }

  public interface LogCallback extends Callback {
    void invoke(Pointer user, int level, Pointer message);
  }

  public interface ThreadHookCallback extends Callback {
    void invoke(Pointer user, Size thread);
  }

  public interface Calls extends com.sun.jna.Library {
    Pointer ecg2lab_status_name(int status);

    Pointer ecg2lab_lead_verdict_name(int verdict);

    Pointer ecg2lab_verdict_name(int verdict);

    Pointer ecg2lab_refusal_name(int refusal);

    Pointer ecg2lab_quality_name(int quality);

    Pointer ecg2lab_fault_name(int code);

    Pointer ecg2lab_experience_name(int experience);

    Pointer ecg2lab_codes(int enumeration, SizeByReference count);

    Pointer ecg2lab_last_error();

    Pointer ecg2lab_messages(SizeByReference count);

    Pointer ecg2lab_last_messages(SizeByReference count);

    Pointer ecg2lab_version();

    int ecg2lab_abi_version();

    int ecg2lab_options_init(Options options, Size struct_size);

    int ecg2lab_load(Pointer path, Options options, PointerByReference model);

    void ecg2lab_free(Pointer model);

    int ecg2lab_load_memory(Pointer content, Size size, Pointer name, Options options, PointerByReference model);

    int ecg2lab_cancel_new(PointerByReference cancel);

    void ecg2lab_cancel_set(Pointer cancel);

    void ecg2lab_cancel_clear(Pointer cancel);

    void ecg2lab_cancel_free(Pointer cancel);

    int ecg2lab_call_init(Call call, Size struct_size);

    int ecg2lab_selftest(Pointer model, Call call, PointerByReference report);

    void ecg2lab_selftest_report_free(Pointer report);

    Pointer ecg2lab_describe(Pointer model);

    int ecg2lab_recording_init(Recording recording, Size struct_size);

    int ecg2lab_patient_init(Patient patient, Size struct_size);

    int ecg2lab_predict(Pointer model, Recording recording, Patient patient, PointerByReference result);

    void ecg2lab_result_free(Pointer result);

    int ecg2lab_predict_within(Pointer model, Recording recording, Patient patient, Call call, PointerByReference result);

    int ecg2lab_judge(Pointer model, Recording recording, PointerByReference result);

    int ecg2lab_explain_options_init(ExplainOptions options, Size struct_size);

    int ecg2lab_explain(Pointer model, Recording recording, Patient patient, ExplainOptions options, Call call, PointerByReference result);

    Pointer ecg2lab_result_json(Pointer result);

    void ecg2lab_bytes_free(Pointer bytes);

    int ecg2lab_hl7_init(Hl7 fields, Size struct_size);

    int ecg2lab_result_hl7(Pointer result, Hl7 fields, PointerByReference message);

    int ecg2lab_load_without_engine(Pointer path, Options options, PointerByReference model);

    Pointer ecg2lab_window_graph(Pointer model);

    int ecg2lab_prepare(Pointer model, Recording recording, Patient patient, PointerByReference prepared);

    void ecg2lab_prepared_free(Pointer prepared);

    int ecg2lab_output_init(Output output, Size struct_size);

    int ecg2lab_decide(Pointer prepared, Output output, PointerByReference result);

    int ecg2lab_stream_options_init(StreamOptions options, Size struct_size);

    int ecg2lab_stream_open(Pointer model, Recording format, Patient patient, StreamOptions options, PointerByReference stream);

    void ecg2lab_stream_free(Pointer stream);

    int ecg2lab_stream_patient(Pointer stream, Patient patient);

    int ecg2lab_stream_push(Pointer stream, Pointer samples, Size sample_count);

    int ecg2lab_stream_finish(Pointer stream);

    int ecg2lab_stream_next(Pointer stream, PointerByReference result);

    int ecg2lab_stream_next_within(Pointer stream, Call call, PointerByReference result);

    int ecg2lab_stream_reset(Pointer stream);

    int ecg2lab_stream_save(Pointer stream, PointerByReference state);

    int ecg2lab_stream_restore(Pointer stream, Pointer state, Size size);

    Pointer ecg2lab_stream_describe(Pointer stream);
  }
}
