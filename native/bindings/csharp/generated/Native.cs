// From native/include/ecg2lab.h by native/bindings/generator (`make schema`): not to be edited.
using System;
using System.Runtime.InteropServices;

namespace Ecg2Lab
{
    static class Native
    {
        public const int AbiVersion = 5;

        [StructLayout(LayoutKind.Sequential)]
        public struct Code
        {
            public int code;
            public IntPtr name;
            public int since;
            public int instead;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Parameter
        {
            public IntPtr name;
            public IntPtr value;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Message
        {
            public IntPtr code;
            public IntPtr pattern;
            public IntPtr text;
            public IntPtr parameters;
            public UIntPtr parameter_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Options
        {
            public UIntPtr struct_size;
            public IntPtr precision;
            public UIntPtr threads;
            public IntPtr log;
            public IntPtr log_user;
            public int out_of_range;
            public IntPtr thread_begin;
            public IntPtr thread_end;
            public IntPtr thread_user;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Call
        {
            public UIntPtr struct_size;
            public double deadline_s;
            public IntPtr cancel;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Check
        {
            public IntPtr quantity;
            public UIntPtr batch;
            public double error;
            public double tolerance;
            public int passed;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct SelftestReport
        {
            public UIntPtr struct_size;
            public int status;
            public int passed;
            public IntPtr message;
            public UIntPtr window_count;
            public IntPtr precision;
            public IntPtr instruction_set;
            public UIntPtr threads;
            public IntPtr checks;
            public UIntPtr check_count;
            public IntPtr messages;
            public UIntPtr message_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Target
        {
            public IntPtr name;
            public IntPtr lab;
            public IntPtr loinc;
            public IntPtr unit;
            public IntPtr comparison;
            public double limit;
            public int setting;
            public int horizon_min;
            public IntPtr category;
            public double decision_threshold;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Number
        {
            public IntPtr name;
            public IntPtr unit;
            public double minimum;
            public double maximum;
            public double median;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Category
        {
            public IntPtr name;
            public IntPtr words;
            public UIntPtr word_count;
            public int missing_code;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Description
        {
            public UIntPtr struct_size;
            public IntPtr name;
            public IntPtr notice;
            public IntPtr bundle_digest;
            public IntPtr precision;
            public IntPtr instruction_set;
            public UIntPtr threads;
            public int synthetic_weights;
            public int causal;
            public IntPtr leads;
            public UIntPtr lead_count;
            public double sampling_rate_hz;
            public UIntPtr window_samples;
            public double clip_mv;
            public double minimum_age;
            public IntPtr numbers;
            public UIntPtr number_count;
            public IntPtr categories;
            public UIntPtr category_count;
            public IntPtr targets;
            public UIntPtr target_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct SourceField
        {
            public IntPtr name;
            public IntPtr value;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Recording
        {
            public UIntPtr struct_size;
            public IntPtr samples;
            public int sample_type;
            public int unit;
            public IntPtr leads;
            public UIntPtr lead_count;
            public UIntPtr sample_count;
            public double sampling_rate_hz;
            public UIntPtr lead_stride;
            public UIntPtr sample_stride;
            public IntPtr gain;
            public UIntPtr gain_count;
            public IntPtr baseline;
            public UIntPtr baseline_count;
            public IntPtr source;
            public UIntPtr source_count;
            public UIntPtr buffer_bytes;
            public int has_missing_code;
            public int missing_code;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Patient
        {
            public UIntPtr struct_size;
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
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Fault
        {
            public int code;
            public int refuses;
            public IntPtr name;
            public IntPtr lead;
            public IntPtr other_lead;
            public double measured;
            public double limit;
            public IntPtr message;
            public IntPtr said;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Lead
        {
            public IntPtr name;
            public int verdict;
            public int derived;
            public UIntPtr missing_samples;
            public UIntPtr clipped_samples;
            public UIntPtr longest_gap;
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
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Measured
        {
            public double value;
            public double low;
            public double high;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct OperatingPoint
        {
            public UIntPtr windows;
            public int facts;
            public double threshold;
            public UIntPtr patients;
            public UIntPtr positives;
            public UIntPtr negatives;
            public double prevalence;
            public Measured sensitivity;
            public Measured specificity;
            public Measured ppv;
            public Measured npv;
            public double conformal_error;
            public Measured coverage_positive;
            public Measured coverage_negative;
            public Measured unsure;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Finding
        {
            public IntPtr target;
            public double probability;
            public double lowest;
            public double highest;
            public double decision_threshold;
            public int detected;
            public int verdict;
            public IntPtr reason;
            public double base_rate;
            public double ratio;
            public IntPtr rule;
            public IntPtr operating_point;
            public IntPtr reasons;
            public UIntPtr reason_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Imputed
        {
            public IntPtr name;
            public double number;
            public IntPtr word;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Effect
        {
            public IntPtr part;
            public double logit;
            public double probability;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct SegmentEffect
        {
            public double start_s;
            public double end_s;
            public double logit;
            public double probability;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Explanation
        {
            public IntPtr target;
            public double logit;
            public double probability;
            public IntPtr leads;
            public UIntPtr lead_count;
            public IntPtr segments;
            public UIntPtr segment_count;
            public IntPtr facts;
            public UIntPtr fact_count;
            public IntPtr ecg;
            public IntPtr patient;
            public IntPtr not_removable;
            public UIntPtr not_removable_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Result
        {
            public UIntPtr struct_size;
            public int status;
            public int refusal;
            public IntPtr message;
            public IntPtr notice;
            public IntPtr model_name;
            public IntPtr bundle_digest;
            public IntPtr leads;
            public UIntPtr lead_count;
            public IntPtr findings;
            public UIntPtr finding_count;
            public IntPtr imputed;
            public UIntPtr imputed_count;
            public IntPtr unused_facts;
            public UIntPtr unused_fact_count;
            public double duration_s;
            public UIntPtr window_count;
            public double unused_s;
            public IntPtr source;
            public UIntPtr source_count;
            public long window_begin;
            public int quality;
            public IntPtr faults;
            public UIntPtr fault_count;
            public IntPtr out_of_range;
            public UIntPtr out_of_range_count;
            public int experience;
            public double experience_distance;
            public double experience_limit;
            public IntPtr messages;
            public UIntPtr message_count;
            public IntPtr explanations;
            public UIntPtr explanation_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct ExplainOptions
        {
            public UIntPtr struct_size;
            public IntPtr targets;
            public UIntPtr target_count;
            public double segment_s;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Bytes
        {
            public UIntPtr struct_size;
            public IntPtr data;
            public UIntPtr size;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Hl7
        {
            public UIntPtr struct_size;
            public IntPtr sending_application;
            public IntPtr sending_facility;
            public IntPtr receiving_application;
            public IntPtr receiving_facility;
            public IntPtr control_id;
            public IntPtr time;
            public IntPtr observed;
            public IntPtr birth_date;
            public IntPtr processing_id;
            public IntPtr patient_id;
            public IntPtr patient_authority;
            public IntPtr family_name;
            public IntPtr given_name;
            public IntPtr sex;
            public IntPtr patient_class;
            public IntPtr location;
            public IntPtr visit_number;
            public IntPtr placer_order;
            public IntPtr filler_order;
            public IntPtr accession;
            public IntPtr result_status;
            public IntPtr abnormal_flag;
            public IntPtr device;
            public IntPtr document;
            public UIntPtr document_size;
            public IntPtr document_type;
            public IntPtr document_subtype;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Graph
        {
            public UIntPtr struct_size;
            public IntPtr content;
            public UIntPtr content_size;
            public IntPtr precision;
            public IntPtr signal;
            public IntPtr continuous;
            public IntPtr categorical;
            public IntPtr logits;
            public IntPtr features;
            public UIntPtr lead_count;
            public UIntPtr window_samples;
            public UIntPtr continuous_count;
            public UIntPtr categorical_count;
            public UIntPtr logit_count;
            public UIntPtr feature_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Prepared
        {
            public UIntPtr struct_size;
            public int status;
            public int refusal;
            public IntPtr message;
            public UIntPtr window_count;
            public IntPtr signal;
            public IntPtr continuous;
            public IntPtr categorical;
            public int quality;
            public IntPtr leads;
            public UIntPtr lead_count;
            public IntPtr faults;
            public UIntPtr fault_count;
            public IntPtr messages;
            public UIntPtr message_count;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct Output
        {
            public UIntPtr struct_size;
            public IntPtr logits;
            public UIntPtr logit_count;
            public IntPtr features;
            public UIntPtr feature_count;
            public IntPtr provider;
            public IntPtr device;
            public UIntPtr threads;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct StreamOptions
        {
            public UIntPtr struct_size;
            public double hop_s;
            public double longest_gap_s;
            public double longest_backlog_s;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct StreamLead
        {
            public IntPtr name;
            public int derived;
            public int off;
            public UIntPtr missing_samples;
            public UIntPtr clipped_samples;
            public UIntPtr longest_gap;
        }

        [StructLayout(LayoutKind.Sequential)]
        public struct StreamState
        {
            public UIntPtr struct_size;
            public long received_samples;
            public long prepared_samples;
            public UIntPtr look_ahead_samples;
            public UIntPtr due;
            public IntPtr leads;
            public UIntPtr lead_count;
        }

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate void LogCallback(IntPtr user, int level, IntPtr message);

        [UnmanagedFunctionPointer(CallingConvention.Cdecl)]
        public delegate void ThreadHookCallback(IntPtr user, UIntPtr thread);

        const string Name = "ecg2lab";  // libecg2lab.so, ecg2lab.dll

        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_status_name(int status);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_lead_verdict_name(int verdict);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_verdict_name(int verdict);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_refusal_name(int refusal);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_quality_name(int quality);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_fault_name(int code);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_experience_name(int experience);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_codes(int enumeration, out UIntPtr count);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_last_error();
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_messages(out UIntPtr count);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_last_messages(out UIntPtr count);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_version();
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_abi_version();
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_options_init(ref Options options, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_load(IntPtr path, ref Options options, out ModelHandle model);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_free(IntPtr model);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_load_memory(IntPtr content, UIntPtr size, IntPtr name, ref Options options, out ModelHandle model);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_cancel_new(out IntPtr cancel);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_cancel_set(IntPtr cancel);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_cancel_clear(IntPtr cancel);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_cancel_free(IntPtr cancel);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_call_init(ref Call call, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_selftest(ModelHandle model, ref Call call, out IntPtr report);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_selftest_report_free(IntPtr report);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_describe(ModelHandle model);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_recording_init(ref Recording recording, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_patient_init(ref Patient patient, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_predict(ModelHandle model, ref Recording recording, ref Patient patient, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_result_free(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_predict_within(ModelHandle model, ref Recording recording, ref Patient patient, ref Call call, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_judge(ModelHandle model, ref Recording recording, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_explain_options_init(ref ExplainOptions options, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_explain(ModelHandle model, ref Recording recording, ref Patient patient, ref ExplainOptions options, ref Call call, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_result_json(IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_bytes_free(IntPtr bytes);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_hl7_init(ref Hl7 fields, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_result_hl7(IntPtr result, ref Hl7 fields, out IntPtr message);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_load_without_engine(IntPtr path, ref Options options, out ModelHandle model);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_window_graph(ModelHandle model);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_prepare(ModelHandle model, ref Recording recording, ref Patient patient, out IntPtr prepared);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_prepared_free(IntPtr prepared);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_output_init(ref Output output, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_decide(IntPtr prepared, ref Output output, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_options_init(ref StreamOptions options, UIntPtr struct_size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_open(ModelHandle model, ref Recording format, ref Patient patient, ref StreamOptions options, out StreamHandle stream);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern void ecg2lab_stream_free(IntPtr stream);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_patient(StreamHandle stream, ref Patient patient);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_push(StreamHandle stream, IntPtr samples, UIntPtr sample_count);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_finish(StreamHandle stream);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_next(StreamHandle stream, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_next_within(StreamHandle stream, ref Call call, out IntPtr result);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_reset(StreamHandle stream);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_save(StreamHandle stream, out IntPtr state);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern int ecg2lab_stream_restore(StreamHandle stream, IntPtr state, UIntPtr size);
        [DllImport(Name, CallingConvention = CallingConvention.Cdecl)]
        public static extern IntPtr ecg2lab_stream_describe(StreamHandle stream);
    }
}
