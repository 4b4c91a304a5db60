/* ecg2lab: laboratory abnormalities estimated from an ECG and a few facts about the patient. The C interface.
 *
 * Research software, not for clinical use.
 *
 * THREADS. A model may be shared: any number of threads may call ecg2lab_predict, ecg2lab_judge, ecg2lab_explain,
 * ecg2lab_selftest, ecg2lab_prepare, ecg2lab_describe and ecg2lab_window_graph with the same model at the same time,
 * and ecg2lab_decide with the same prepared recording.
 * Loading, and freeing different things, may happen in any thread. A model is freed when no call with it is running,
 * and so is a prepared recording. A stream is of one patient, and of one thread at a time; streams of one model are
 * independent of each other. ecg2lab_last_error is of the calling thread. An ecg2lab_cancel may be set from any thread.
 *
 * OWNERSHIP. What a call returns through `**` belongs to the caller, who frees it with the function of its name;
 * freeing NULL does nothing. Everything that a description or a graph points to lives as long as its model; everything
 * that a result or a prepared recording points to lives as long as that one, even after its model, stream or prepared
 * recording was freed. Both keep names and rules of a freed model, but neither its threads nor its weights; a stream
 * outlives its model, too, and keeps all of it. What is handed in is copied or read during the call and stays the
 * caller's.
 *
 * ERRORS. Every call that can fail returns an ecg2lab_status, and ecg2lab_last_error says in one line what is wrong and
 * what to do about it; such a line never holds what was said of a patient. It is kept per thread, and not in the
 * model, so that threads that share a model cannot mix up their messages. After an error model and stream are still
 * usable and nothing is leaked. No C++ exception leaves the library.
 *
 * THE PROGRAM AROUND IT. Every call computes with floating-point numbers as C programs do by default (round to nearest,
 * no traps), whatever the program chose, and leaves its choice and its exception flags as they were; the log callback
 * runs in the program's. Helper threads block every signal but those of a fault of their own. A thread that asked
 * leaves nothing behind but its message, and dlclose unloads the library when everything was freed. In a process that
 * was forked off, a model that was loaded before, and a stream of it, answer ECG2LAB_ERROR_BACKEND and are freed
 * without waiting; load the bundle there.
 *
 * WHAT MAY CHANGE, AND WHEN. A program that was built with this header runs with every later library of the same name
 * (libecg2lab.so.1, libecg2lab.1.dylib, ecg2lab.dll), and gets what it got:
 *   - Never changed: the name, parameters and meaning of a function; the name, type, place and meaning of a field; the
 *     number and meaning of a code; the code, parameters and meaning of a message; what is refused with which status.
 *   - With a new ECG2LAB_ABI_VERSION, and then said here by "since ABI version": functions are added, fields at the
 *     end of a struct, codes to an enumeration, messages. Structs that a caller fills begin with `struct_size`, which
 *     the matching _init function sets: what an older, shorter struct lacks has its default. Structs that the library
 *     fills are reached by pointers, and lists are arrays of pointers, so that both may grow.
 *   - With any release: the words of messages, names and notices, and how long a call takes. Compare codes, not words.
 * A program needs a library that is at least as new as its header: compare ecg2lab_abi_version() with
 * ECG2LAB_ABI_VERSION.
 *
 * CODES THAT A PROGRAM DOES NOT KNOW come from a newer library. Unless ecg2lab_codes says what stands in for one, then:
 * a status is a failure; a verdict is no decision; a refusal, a fault that `refuses` and a lead verdict are a refusal
 * for an unknown reason; a fault that does not is a warning, to be shown by its message; a quality is judged by whether
 * there are findings; an experience is not judged. None of them may be read as "normal".
 *
 * TEXT is UTF-8 and ends with a zero byte. A path is so on Windows; elsewhere it is bytes, as the system takes it.
 *
 * EXAMPLE. Ten seconds of 12 leads at 500 Hz, in microvolt, one lead after another:
 *
 *   #include <ecg2lab.h>
 *   #include <stdio.h>
 *
 *   int answer(const int16_t* samples)
 *   {
 *     static const char* const leads[] = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
 *     ecg2lab_model* model = NULL;
 *     ecg2lab_result* result = NULL;
 *     ecg2lab_recording recording;
 *     ecg2lab_patient patient;
 *     size_t i;
 *
 *     if (ecg2lab_load("model.ecg2lab", NULL, &model) != ECG2LAB_OK) {
 *       fprintf(stderr, "%s\n", ecg2lab_last_error());
 *       return 1;
 *     }
 *     ecg2lab_recording_init(&recording, sizeof recording);
 *     recording.samples = samples;
 *     recording.sample_type = ECG2LAB_INT16;
 *     recording.unit = ECG2LAB_MICROVOLT;
 *     recording.leads = leads;
 *     recording.lead_count = 12;
 *     recording.sample_count = 5000;
 *     recording.sampling_rate_hz = 500;
 *     ecg2lab_patient_init(&patient, sizeof patient);
 *     patient.age = 63;
 *     patient.sex = ECG2LAB_FEMALE;
 *
 *     if (ecg2lab_predict(model, &recording, &patient, &result) == ECG2LAB_OK) {
 *       puts(result->notice);
 *       for (i = 0; i < result->finding_count; ++i) {
 *         const ecg2lab_finding* finding = result->findings[i];
 *         printf("%s %.3f%s\n", finding->target->name, finding->probability,
 *                finding->verdict == ECG2LAB_FLAGGED ? " flagged" : "");
 *       }
 *     } else {
 *       fprintf(stderr, "%s\n", ecg2lab_last_error());  // result->leads says more, where result is not NULL
 *     }
 *     ecg2lab_result_free(result);
 *     ecg2lab_free(model);
 *     return 0;
 *   }
 */
#ifndef ECG2LAB_H
#define ECG2LAB_H

#include <stddef.h>
#include <stdint.h>

#if defined(_WIN32) && !defined(ECG2LAB_STATIC)
#ifdef ECG2LAB_BUILDING
#define ECG2LAB_API __declspec(dllexport)
#else
#define ECG2LAB_API __declspec(dllimport)
#endif
#elif defined(__GNUC__)
#define ECG2LAB_API __attribute__((visibility("default")))
#else
#define ECG2LAB_API
#endif

#ifdef __cplusplus
extern "C" {
#endif

#define ECG2LAB_ABI_VERSION 5

/* ---- Status ---- */

typedef enum ecg2lab_status {
  ECG2LAB_OK = 0,
  ECG2LAB_ERROR_ARGUMENT = 1,  /* a null pointer, a wrong struct size, an unknown code, a count beyond reason */
  ECG2LAB_ERROR_BUNDLE = 2,    /* the file is missing, is no bundle, is damaged or of another version */
  ECG2LAB_ERROR_BACKEND = 3,   /* a precision or number of threads that cannot be had; a network that cannot answer */
  ECG2LAB_ERROR_RECORDING = 4, /* refused: leads, unit, rate or length of the recording */
  ECG2LAB_ERROR_PATIENT = 5,   /* refused: a value is implausible, contradictory or missing, or the patient too young */
  ECG2LAB_ERROR_QUALITY = 6,   /* refused: the ECG is not good enough to answer from */
  ECG2LAB_ERROR_MEMORY = 7,
  ECG2LAB_ERROR_INTERNAL = 8, /* a fault of the library: please report it */
  ECG2LAB_ERROR_DEADLINE = 9, /* the call's deadline passed. This and the next since ABI version 4 */
  ECG2LAB_ERROR_CANCELLED = 10
} ecg2lab_status;

/* Such as "ECG2LAB_ERROR_QUALITY"; of an unknown code "unknown status". */
ECG2LAB_API const char* ecg2lab_status_name(int32_t status);

/* Codes of a result in words. A newer library has codes that a program does not know: take the word from here, and
 * never an array's element of that number. Of a code that the library does not know "unknown". Since ABI version 3. */
ECG2LAB_API const char* ecg2lab_lead_verdict_name(int32_t verdict);  /* such as "flat" */
ECG2LAB_API const char* ecg2lab_verdict_name(int32_t verdict);       /* such as "not flagged" */
ECG2LAB_API const char* ecg2lab_refusal_name(int32_t refusal);       /* such as "missing leads" */
ECG2LAB_API const char* ecg2lab_quality_name(int32_t quality);       /* such as "accepted" */
ECG2LAB_API const char* ecg2lab_fault_name(int32_t code);            /* such as "wander", as a fault's own name */
ECG2LAB_API const char* ecg2lab_experience_name(int32_t experience); /* such as "outside" */

/* The enumerations of this header that grow. Since ABI version 4. */
typedef enum ecg2lab_enumeration {
  ECG2LAB_ENUMERATION_STATUS = 0,
  ECG2LAB_ENUMERATION_LEAD_VERDICT = 1,
  ECG2LAB_ENUMERATION_VERDICT = 2,
  ECG2LAB_ENUMERATION_REFUSAL = 3,
  ECG2LAB_ENUMERATION_QUALITY = 4,
  ECG2LAB_ENUMERATION_FAULT = 5, /* ecg2lab_fault_code */
  ECG2LAB_ENUMERATION_EXPERIENCE = 6
} ecg2lab_enumeration;

/* One code of an enumeration. */
typedef struct ecg2lab_code {
  int32_t code;
  const char* name; /* as the _name functions give it */
  int32_t since;    /* ABI version whose header has it first */
  int32_t
      instead; /* what a program that does not know it takes it for; the code itself where there is nothing like it */
} ecg2lab_code;

/* Every code that this library can answer with, in rising order, and how many there are. `count` may be NULL. NULL of
 * an unknown enumeration, with a count of 0. Since ABI version 4. */
ECG2LAB_API const ecg2lab_code* const* ecg2lab_codes(int32_t enumeration, size_t* count);

/* Of the last call of this thread that returned a status; empty if it succeeded. Valid until the next such call. Calls
 * that return no status leave it as it is unless memory ran out, and so do calls that the log callback makes. */
ECG2LAB_API const char* ecg2lab_last_error(void);

/* ---- Messages ----
 *
 * What the library says of a recording or a patient, by a code and parameters, for a program that says it in another
 * language: it has a sentence of its own for each code and puts the parameters in. `text` is the English one, which is
 * `pattern` with {name} replaced by the parameter of that name. Since ABI version 4. */
typedef struct ecg2lab_parameter {
  const char* name;
  const char* value; /* a number is written as in `text`; names of leads and facts are those of this interface */
} ecg2lab_parameter;

typedef struct ecg2lab_message {
  const char* code;    /* such as "recording.missing_lead"; "other" where there is none: `text` is the one parameter */
  const char* pattern; /* such as "missing lead: {leads} (the recording has {recorded})" */
  const char* text;
  const ecg2lab_parameter* const* parameters; /* in the order of the pattern */
  size_t parameter_count;
} ecg2lab_message;

/* Every message that there is, each with its pattern as `text` and its parameters with empty values: what a program has
 * to translate. `count` may be NULL. */
ECG2LAB_API const ecg2lab_message* const* ecg2lab_messages(size_t* count);

/* Those of ecg2lab_last_error, one for each thing that is wrong, valid as long as it; none if the call succeeded.
 * NULL if memory ran out. `count` may be NULL. */
ECG2LAB_API const ecg2lab_message* const* ecg2lab_last_messages(size_t* count);

/* Of the library, such as "0.1.0". */
ECG2LAB_API const char* ecg2lab_version(void);
ECG2LAB_API int32_t ecg2lab_abi_version(void);

/* ---- Model ---- */

typedef struct ecg2lab_model ecg2lab_model;

typedef enum ecg2lab_log_level { ECG2LAB_LOG_INFO = 0, ECG2LAB_LOG_WARNING = 1 } ecg2lab_log_level;

/* Called in the thread that called the library: what was loaded, and what was refused. It must be safe to call from
 * several threads when the model is shared, and must return. A message holds nothing that was said of a patient. */
typedef void (*ecg2lab_log)(void* user, int32_t level, const char* message);

/* What becomes of a number about the patient outside the model's range, which is no measurement. */
typedef enum ecg2lab_out_of_range {
  ECG2LAB_OUT_OF_RANGE_REFUSE = 0,
  ECG2LAB_OUT_OF_RANGE_IMPUTE = 1 /* it counts as not given, as in training, and the result names it */
} ecg2lab_out_of_range;

/* Called in each helper thread of a model, as its first or its last act, by which a program gives it a name, CPUs and a
 * priority, or attaches it to its own runtime. `thread` counts from 1, since the caller's own is 0. Signals are blocked
 * but for those of faults; a runtime that stops its threads by signals unblocks them here. Floating-point numbers are
 * computed as C programs do by default. It must return and must not call the library. Since ABI version 4. */
typedef void (*ecg2lab_thread_hook)(void* user, size_t thread);

typedef struct ecg2lab_options {
  size_t struct_size;
  const char*
      precision;        /* "fp32" …; NULL: the bundle's own. Another only where the bundle holds a passed gate for it */
  size_t threads;       /* of one call, 1 to 256; 1 by default */
  ecg2lab_log log;      /* NULL: none */
  void* log_user;       /* handed to `log` */
  int32_t out_of_range; /* ecg2lab_out_of_range; ECG2LAB_OUT_OF_RANGE_REFUSE by default */
  /* NULL, the default: none. Loading returns when `thread_begin` has returned in every helper; freeing the model, or
   * the last of its streams, returns when `thread_end` has. This and the next two since ABI version 4. */
  ecg2lab_thread_hook thread_begin;
  ecg2lab_thread_hook thread_end;
  void* thread_user; /* handed to both */
} ecg2lab_options;

ECG2LAB_API ecg2lab_status ecg2lab_options_init(ecg2lab_options* options, size_t struct_size);

/* Opens a bundle and checks every byte of it. `options` may be NULL. After an error *model is NULL. */
ECG2LAB_API ecg2lab_status ecg2lab_load(const char* path, const ecg2lab_options* options, ecg2lab_model** model);
ECG2LAB_API void ecg2lab_free(ecg2lab_model* model);

/* The same of a bundle that lies in memory, such as a resource of the program; it is copied. `name` stands for the path
 * in messages and answers; NULL: "memory". Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_load_memory(const void* content, size_t size, const char* name,
                                               const ecg2lab_options* options, ecg2lab_model** model);

/* ---- Deadline and cancellation ----
 *
 * ecg2lab_predict_within, ecg2lab_explain, ecg2lab_selftest and ecg2lab_stream_next_within stop soon after their
 * deadline, or after they were asked to, with ECG2LAB_ERROR_DEADLINE or ECG2LAB_ERROR_CANCELLED. They look between two
 * layers of the network, and between the steps of the preparation; a call that had finished by then succeeds. Nothing
 * is lost: model and stream stay usable, and a window of a stream stays due. Since ABI version 4. */
typedef struct ecg2lab_cancel ecg2lab_cancel;

ECG2LAB_API ecg2lab_status ecg2lab_cancel_new(ecg2lab_cancel** cancel);
/* Asks every call that has it, now and later, to stop. From any thread, and from a signal handler; NULL: nothing. */
ECG2LAB_API void ecg2lab_cancel_set(ecg2lab_cancel* cancel);
/* Calls may run again. NULL: nothing. */
ECG2LAB_API void ecg2lab_cancel_clear(ecg2lab_cancel* cancel);
/* When no call has it. */
ECG2LAB_API void ecg2lab_cancel_free(ecg2lab_cancel* cancel);

typedef struct ecg2lab_call {
  size_t struct_size;
  /* From the beginning of the call. 0, the default, and more than 30 years: none. A program that hands on what is left
   * of its own time therefore does not call when nothing is left. Negative or NaN: ECG2LAB_ERROR_ARGUMENT. */
  double deadline_s;
  const ecg2lab_cancel* cancel; /* NULL, the default: none */
} ecg2lab_call;

ECG2LAB_API ecg2lab_status ecg2lab_call_init(ecg2lab_call* call, size_t struct_size);

/* ---- Selftest ----
 *
 * Whether this device computes the model right: the golden windows of the bundle again, against their outputs in
 * float64. Since ABI version 4. */
typedef struct ecg2lab_check {
  const char* quantity; /* "logits" or "features" */
  size_t batch;         /* windows that were computed at once */
  double error;         /* the largest; of logits absolute, or relative beyond 20; of features relative */
  double tolerance;
  int32_t passed; /* 1: yes */
} ecg2lab_check;

typedef struct ecg2lab_selftest_report {
  size_t struct_size;
  int32_t status;      /* what ecg2lab_selftest returned */
  int32_t passed;      /* 1: yes */
  const char* message; /* empty if it passed */
  size_t window_count; /* golden windows */
  const char* precision;
  const char* instruction_set;
  size_t threads;
  const ecg2lab_check* const* checks;
  size_t check_count;
  const ecg2lab_message* const* messages; /* `message` by code and parameters */
  size_t message_count;
} ecg2lab_selftest_report;

/* ECG2LAB_ERROR_BACKEND with a report: a check failed, and the model must not be used on this device. After any other
 * error *report is NULL. `call` may be NULL. */
ECG2LAB_API ecg2lab_status ecg2lab_selftest(const ecg2lab_model* model, const ecg2lab_call* call,
                                            ecg2lab_selftest_report** report);
ECG2LAB_API void ecg2lab_selftest_report_free(ecg2lab_selftest_report* report);

/* ---- What a model is ---- */

typedef enum ecg2lab_setting {
  ECG2LAB_PREDICTION = 0, /* abnormal now: the value closest within plus or minus the horizon */
  ECG2LAB_FORECASTING = 1 /* abnormal at some moment within the horizon */
} ecg2lab_setting;

/* One output: potassium > 5.1 mEq/L. */
typedef struct ecg2lab_target {
  const char* name;
  const char* lab;        /* NULL: the model does not say what the target means, and the next six say nothing */
  const char* loinc;      /* NULL: none */
  const char* unit;       /* empty for a dimensionless quantity */
  const char* comparison; /* "<", "<=", ">" or ">=" */
  double limit;
  int32_t setting; /* ecg2lab_setting */
  int32_t horizon_min;
  const char* category;
  /* Calibrated probability from which it is flagged in a recording with all facts; a finding has its own. NaN: never */
  double decision_threshold;
} ecg2lab_target;

/* One number about the patient. */
typedef struct ecg2lab_number {
  const char* name;
  const char* unit;
  double minimum; /* a value outside is refused, or counts as missing: see ecg2lab_options */
  double maximum;
  double median; /* in place of a missing value; NaN: the value must be given */
} ecg2lab_number;

/* One category of the patient. */
typedef struct ecg2lab_category {
  const char* name;
  const char* const* words;
  size_t word_count;
  int32_t missing_code; /* index of the word in place of a missing one; -1: it must be given */
} ecg2lab_category;

typedef struct ecg2lab_description {
  size_t struct_size;
  const char* name;
  const char* notice;          /* goes with every answer */
  const char* bundle_digest;   /* SHA-256, 64 hexadecimal digits */
  const char* precision;       /* that computes */
  const char* instruction_set; /* that computes, such as "avx2" */
  size_t threads;
  int32_t synthetic_weights; /* 1 yes, 0 no, -1 not stated */
  int32_t causal;            /* 1: looks back only */
  const char* const* leads;  /* in the network's order */
  size_t lead_count;
  double sampling_rate_hz;
  size_t window_samples; /* at that rate: a recording must be at least as long */
  double clip_mv;
  double minimum_age; /* years; a younger patient is refused */
  const ecg2lab_number* const* numbers;
  size_t number_count;
  const ecg2lab_category* const* categories;
  size_t category_count;
  const ecg2lab_target* const* targets;
  size_t target_count;
} ecg2lab_description;

/* NULL if `model` is NULL. */
ECG2LAB_API const ecg2lab_description* ecg2lab_describe(const ecg2lab_model* model);

/* ---- Recording ---- */

typedef enum ecg2lab_sample_type {
  ECG2LAB_FLOAT = 0,
  ECG2LAB_DOUBLE = 1,
  ECG2LAB_INT16 = 2,
  ECG2LAB_INT32 = 3 /* since ABI version 3 */
} ecg2lab_sample_type;

/* There is no default: a unit that was not set is refused, never guessed. */
typedef enum ecg2lab_unit {
  ECG2LAB_MICROVOLT = 1,
  ECG2LAB_MILLIVOLT = 2,
  ECG2LAB_VOLT = 3,
  ECG2LAB_ADC = 4 /* counts, with gain and baseline */
} ecg2lab_unit;

/* Whatever identifies the recording (patient, order, device): carried to the result untouched, never logged. */
typedef struct ecg2lab_source_field {
  const char* name;
  const char* value;
} ecg2lab_source_field;

typedef struct ecg2lab_recording {
  size_t struct_size;
  const void* samples;      /* NaN marks a missing sample; of integers, `missing_code` does */
  int32_t sample_type;      /* ecg2lab_sample_type; ECG2LAB_FLOAT by default */
  int32_t unit;             /* ecg2lab_unit */
  const char* const* leads; /* a name for each lead, in any order and letter case */
  size_t lead_count;        /* at most 64 */
  size_t sample_count;      /* of each lead, at most 2^28 */
  double sampling_rate_hz;  /* 100 to 2000 */
  /* Distances in samples, not bytes: sample t of lead i is samples[i * lead_stride + t * sample_stride]. Both 0, the
   * default: one lead after another. One sample of every lead after another: 1 and lead_count. Leads that share a
   * sample are refused. */
  size_t lead_stride;
  size_t sample_stride;
  const double* gain; /* counts per millivolt, for ECG2LAB_ADC: one number, or one for each lead */
  size_t gain_count;
  const double* baseline; /* count of zero volt, likewise; NULL: 0 */
  size_t baseline_count;
  const ecg2lab_source_field* source;
  size_t source_count; /* at most 1000 */
  /* Bytes of the memory at `samples`, in a stream of that which each push hands in; a layout that leaves it is refused.
   * 0, the default: not stated. This and the next two since ABI version 3. */
  size_t buffer_bytes;
  int32_t has_missing_code; /* 1: an integer sample that is `missing_code` is missing; 0, the default: none is */
  int32_t missing_code;
} ecg2lab_recording;

ECG2LAB_API ecg2lab_status ecg2lab_recording_init(ecg2lab_recording* recording, size_t struct_size);

/* ---- Patient ---- */

typedef enum ecg2lab_sex { ECG2LAB_SEX_UNKNOWN = -1, ECG2LAB_FEMALE = 0, ECG2LAB_MALE = 1 } ecg2lab_sex;
typedef enum ecg2lab_race {
  ECG2LAB_RACE_UNKNOWN = -1,
  ECG2LAB_ASIAN = 0,
  ECG2LAB_BLACK = 1,
  ECG2LAB_HISPANIC = 2,
  ECG2LAB_OTHER = 3,
  ECG2LAB_WHITE = 4
} ecg2lab_race;

/* All optional: NaN (and -1 for sex and race), which _init sets, means not known. BMI follows from height and weight
 * where it is missing; temperature is given in one of its units. */
typedef struct ecg2lab_patient {
  size_t struct_size;
  int32_t sex;  /* ecg2lab_sex */
  int32_t race; /* ecg2lab_race */
  double age;
  double respiratory_per_min;
  double spo2_percent;
  double diastolic_mmhg;
  double systolic_mmhg;
  double heart_rate_bpm;
  double temperature_c;
  double temperature_f;
  double height_cm;
  double weight_kg;
  double bmi;
} ecg2lab_patient;

ECG2LAB_API ecg2lab_status ecg2lab_patient_init(ecg2lab_patient* patient, size_t struct_size);

/* ---- Answer ---- */

typedef enum ecg2lab_lead_verdict {
  ECG2LAB_LEAD_NOT_JUDGED = 0, /* the recording was refused before */
  ECG2LAB_LEAD_GOOD = 1,
  ECG2LAB_LEAD_MISSING = 2, /* neither recorded nor to be derived from others */
  ECG2LAB_LEAD_EMPTY = 3,   /* not a single value */
  ECG2LAB_LEAD_GAP = 4,     /* no value for as long as a window */
  ECG2LAB_LEAD_FLAT = 5,    /* every sample is the same */
  ECG2LAB_LEAD_CLIPPED = 6, /* more than half of the samples are beyond the clip limit */
  ECG2LAB_LEAD_FAULTY = 7   /* another fault refuses it: see `faults` of the result */
} ecg2lab_lead_verdict;

typedef enum ecg2lab_refusal {
  ECG2LAB_REFUSAL_NONE = 0,
  ECG2LAB_REFUSAL_RECORDING = 1, /* its lead names, unit, rate or samples cannot be used */
  ECG2LAB_REFUSAL_MISSING_LEADS = 2,
  ECG2LAB_REFUSAL_TOO_SHORT = 3,
  ECG2LAB_REFUSAL_EMPTY = 4, /* this and the next three: of one lead at least */
  ECG2LAB_REFUSAL_GAP = 5,
  ECG2LAB_REFUSAL_FLAT = 6,
  ECG2LAB_REFUSAL_CLIPPED = 7,
  ECG2LAB_REFUSAL_TOO_SMALL = 8, /* no lead varies enough to be an ECG in the unit given */
  ECG2LAB_REFUSAL_PATIENT = 9,
  ECG2LAB_REFUSAL_FAULT = 10 /* another fault: the first in `faults` that refuses */
} ecg2lab_refusal;

/* What the quality gate thinks of a recording. */
typedef enum ecg2lab_quality {
  ECG2LAB_QUALITY_NOT_JUDGED = 0, /* the recording was refused before */
  ECG2LAB_QUALITY_ACCEPTED = 1,
  ECG2LAB_QUALITY_WARNINGS = 2, /* accepted; `faults` says what to know about it */
  ECG2LAB_QUALITY_REFUSED = 3
} ecg2lab_quality;

/* What can be wrong with a lead or a recording; docs/quality.md defines the figures. The limits are the model's. */
typedef enum ecg2lab_fault_code {
  ECG2LAB_FAULT_TOO_SHORT = 1, /* seconds */
  ECG2LAB_FAULT_EMPTY = 2,     /* not a single value */
  ECG2LAB_FAULT_GAP = 3,       /* seconds without values, without a break */
  ECG2LAB_FAULT_MISSING = 4,   /* share of the samples */
  ECG2LAB_FAULT_FLAT = 5,      /* share of the time: a disconnected lead */
  ECG2LAB_FAULT_CLIPPED = 6,   /* share of the samples, beyond the clip limit */
  ECG2LAB_FAULT_TOO_SMALL = 7, /* mV: usual range of the leads in a second */
  ECG2LAB_FAULT_TOO_LARGE = 8, /* the same */
  ECG2LAB_FAULT_SATURATED = 9, /* share of the samples, at an end of the amplifier's range */
  ECG2LAB_FAULT_NOISE = 10,    /* mV, above 40 Hz and between the beats */
  ECG2LAB_FAULT_WANDER = 11,   /* mV, peak to peak, of the baseline */
  ECG2LAB_FAULT_MAINS = 12,    /* mV, amplitude at 50 or 60 Hz */
  ECG2LAB_FAULT_BSQI = 13,     /* the signal quality indices */
  ECG2LAB_FAULT_KSQI = 14,
  ECG2LAB_FAULT_SSQI = 15,
  ECG2LAB_FAULT_PSQI = 16,
  ECG2LAB_FAULT_BASSQI = 17,
  ECG2LAB_FAULT_DUPLICATE = 18,    /* difference from `other_lead`, relative */
  ECG2LAB_FAULT_LIMB_ALGEBRA = 19, /* distance from what I and II say, relative */
  ECG2LAB_FAULT_ARM_REVERSAL = 20, /* correlation of I with V6 */
  ECG2LAB_FAULT_PACED = 21         /* mV: usual height of spikes */
} ecg2lab_fault_code;

typedef struct ecg2lab_fault {
  int32_t code;           /* ecg2lab_fault_code */
  int32_t refuses;        /* 1: it refuses the recording; 0: a warning */
  const char* name;       /* such as "wander" */
  const char* lead;       /* NULL: of the whole recording */
  const char* other_lead; /* of a duplicate; else NULL */
  double measured;
  double limit;
  const char* message;         /* in words */
  const ecg2lab_message* said; /* the same by code and parameters. Since ABI version 4 */
} ecg2lab_fault;

typedef struct ecg2lab_lead {
  const char* name;
  int32_t verdict;        /* ecg2lab_lead_verdict */
  int32_t derived;        /* 1: computed from two other limb leads */
  size_t missing_samples; /* at the recording's rate, interpolated */
  size_t clipped_samples;
  size_t longest_gap; /* missing samples without a break */
  double peak_to_peak_mv;
  /* What the quality gate measured, as docs/quality.md defines it; NaN: it could not be measured. */
  double flat_share;
  double saturated_share;
  double noise_mv;
  double wander_mv;
  double mains_mv;
  double bsqi;
  double ksqi;
  double ssqi;
  double psqi;
  double bassqi;
} ecg2lab_lead;

/* What may be said of a target. Other words may come: treat what you do not know as no decision. */
typedef enum ecg2lab_verdict {
  ECG2LAB_NO_DECISION = 0, /* `reason` says why */
  ECG2LAB_FLAGGED = 1,     /* the probability is at or above the threshold */
  ECG2LAB_NOT_FLAGGED = 2,
  ECG2LAB_UNSURE = 3,            /* below the threshold, and the conformal set holds both answers or neither */
  ECG2LAB_OUTSIDE_EXPERIENCE = 4 /* the recording is unlike what the model was trained on: nothing is decided */
} ecg2lab_verdict;

typedef enum ecg2lab_facts {
  ECG2LAB_FACTS_ALL = 0,        /* whatever the data had of what the model takes */
  ECG2LAB_FACTS_AGE_AND_SEX = 1 /* age and sex alone */
} ecg2lab_facts;

/* A share as it was measured, with its 95 % interval; NaN: it could not be. */
typedef struct ecg2lab_measured {
  double value;
  double low;
  double high;
} ecg2lab_measured;

/* The setting in which a threshold was measured, and what it was worth there. */
typedef struct ecg2lab_operating_point {
  size_t windows;   /* over which the probability is a mean */
  int32_t facts;    /* ecg2lab_facts */
  double threshold; /* NaN: none; `reason` of the finding says why */
  size_t patients;  /* that it was measured on */
  size_t positives; /* recordings */
  size_t negatives;
  double prevalence; /* share of positives: the base rate, at which PPV and NPV hold; NaN: unknown */
  ecg2lab_measured sensitivity;
  ecg2lab_measured specificity;
  ecg2lab_measured ppv; /* share of right ones among the flags */
  ecg2lab_measured npv;
  /* Of the conformal set by which a target is unsure: the share of either class whose set lacks the true answer at
   * most; NaN: there is none. */
  double conformal_error;
  ecg2lab_measured coverage_positive; /* share of the positives whose set holds the true answer */
  ecg2lab_measured coverage_negative;
  ecg2lab_measured unsure; /* share of recordings that are */
} ecg2lab_operating_point;

typedef struct ecg2lab_finding {
  const ecg2lab_target* target;
  double probability; /* mean over the windows, calibrated where the contract has a calibration */
  double lowest;      /* of the single windows */
  double highest;
  double decision_threshold; /* NaN: none */
  int32_t detected;          /* 1 flagged, 0 not flagged, -1 nothing was decided */
  int32_t verdict;           /* ecg2lab_verdict */
  const char* reason;        /* why it is neither flagged nor not flagged; NULL: it is one of them */
  double base_rate;          /* share of positives where the decision was measured; NaN: not stated */
  double ratio;              /* of the probability to the base rate; NaN likewise */
  const char* rule;          /* by which the threshold was chosen, such as "specificity=0.9"; NULL: not stated */
  const ecg2lab_operating_point* operating_point; /* that holds for this answer; NULL: none, or an unknown one */
  /* `reason` by code and parameters, one for each reason. This and the next since ABI version 4. */
  const ecg2lab_message* const* reasons;
  size_t reason_count;
} ecg2lab_finding;

/* Whether the recording is one of those that the model knows. */
typedef enum ecg2lab_experience {
  ECG2LAB_EXPERIENCE_NOT_JUDGED = 0, /* refused; or the model has no limit for so many windows and facts */
  ECG2LAB_EXPERIENCE_INSIDE = 1,
  ECG2LAB_EXPERIENCE_OUTSIDE = 2 /* every verdict is ECG2LAB_OUTSIDE_EXPERIENCE; `reason` of each says why */
} ecg2lab_experience;

/* An input that was not given, and what stood in for it. */
typedef struct ecg2lab_imputed {
  const char* name;
  double number;    /* NaN for a category */
  const char* word; /* NULL for a number */
} ecg2lab_imputed;

/* How much higher the answer stands with a part of the input than without it, calibrated. Since ABI version 4. */
typedef struct ecg2lab_effect {
  const char* part; /* name of the lead or the fact; "ECG" or "patient" of all together */
  double logit;
  double probability;
} ecg2lab_effect;

/* The same of a stretch of time, in all leads. */
typedef struct ecg2lab_segment_effect {
  double start_s; /* from the beginning of the recording */
  double end_s;
  double logit;
  double probability;
} ecg2lab_segment_effect;

/* What the answer for one target rests on. It describes the network, not the patient. */
typedef struct ecg2lab_explanation {
  const ecg2lab_target* target;
  double logit; /* of the finding: calibrated, over all windows */
  double probability;
  const ecg2lab_effect* const* leads; /* in the model's order */
  size_t lead_count;
  const ecg2lab_segment_effect* const* segments; /* side by side over all windows */
  size_t segment_count;
  const ecg2lab_effect* const* facts; /* that were given and that the model uses */
  size_t fact_count;
  const ecg2lab_effect* ecg;        /* all leads together */
  const ecg2lab_effect* patient;    /* all facts together; NULL: the model cannot do without one of them */
  const char* const* not_removable; /* facts that the model cannot do without: their effect is not known */
  size_t not_removable_count;
} ecg2lab_explanation;

typedef struct ecg2lab_result {
  size_t struct_size;
  int32_t status;      /* what the call that made it returned */
  int32_t refusal;     /* ecg2lab_refusal */
  const char* message; /* why it was refused; empty if it was not */
  const char* notice;
  const char* model_name;
  const char* bundle_digest;
  const ecg2lab_lead* const* leads; /* those of the model, in its order */
  size_t lead_count;
  const ecg2lab_finding* const* findings; /* none if refused; else one for each target, in the model's order */
  size_t finding_count;
  const ecg2lab_imputed* const* imputed;
  size_t imputed_count;
  const char* const* unused_facts; /* names of facts that were given and that the model does not use */
  size_t unused_fact_count;
  double duration_s;
  size_t window_count;
  double unused_s; /* at the end, shorter than a window */
  const ecg2lab_source_field* const* source;
  size_t source_count;
  /* Of a stream: number of the window's first sample, at the model's rate, since the stream began; else 0. */
  int64_t window_begin;
  int32_t quality; /* ecg2lab_quality */
  /* Of the quality gate, whatever the answer: in the order of their codes, then of the leads. */
  const ecg2lab_fault* const* faults;
  size_t fault_count;
  const char* const* out_of_range; /* names of facts that were given and count as not given: see ecg2lab_options */
  size_t out_of_range_count;
  int32_t experience;         /* ecg2lab_experience */
  double experience_distance; /* from what the model was trained on; NaN: it was not measured */
  double experience_limit;    /* beyond which a recording is outside; NaN: none */
  /* `message` by code and parameters: one for each thing that is wrong. This and the rest since ABI version 4. */
  const ecg2lab_message* const* messages;
  size_t message_count;
  const ecg2lab_explanation* const* explanations; /* of ecg2lab_explain; else none */
  size_t explanation_count;
} ecg2lab_result;

/* Answers for one recording. `patient` may be NULL: nothing is known.
 *
 * A refusal (ECG2LAB_ERROR_RECORDING, _PATIENT, _QUALITY) gives a result too, with a verdict for each lead, the reason,
 * and no findings. After any other error *result is NULL. */
ECG2LAB_API ecg2lab_status ecg2lab_predict(const ecg2lab_model* model, const ecg2lab_recording* recording,
                                           const ecg2lab_patient* patient, ecg2lab_result** result);
ECG2LAB_API void ecg2lab_result_free(ecg2lab_result* result);

/* The same with a deadline or a way to cancel it; `call` may be NULL. Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_predict_within(const ecg2lab_model* model, const ecg2lab_recording* recording,
                                                  const ecg2lab_patient* patient, const ecg2lab_call* call,
                                                  ecg2lab_result** result);

/* Only the quality of a recording, as ecg2lab_predict judges it, without an answer: for a cart that shows how the
 * electrodes are while it records. The status is that of the gate; the result has leads, faults, quality and refusal,
 * and no findings. It needs no engine. Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_judge(const ecg2lab_model* model, const ecg2lab_recording* recording,
                                         ecg2lab_result** result);

typedef struct ecg2lab_explain_options {
  size_t struct_size;
  const char* const* targets; /* names; NULL, the default: every target of the model */
  size_t target_count;
  double segment_s; /* length of a segment: from one sample of the model's rate to a window; 0.2 by default */
} ecg2lab_explain_options;

ECG2LAB_API ecg2lab_status ecg2lab_explain_options_init(ecg2lab_explain_options* options, size_t struct_size);

/* Answers as ecg2lab_predict does, and says what the answers rest on, in `explanations` of the result and in its JSON:
 * each lead, segment of time and fact is taken away in turn. That is as many windows as there are parts, so that it
 * takes as long as a hundred answers. `patient`, `options` and `call` may be NULL. Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_explain(const ecg2lab_model* model, const ecg2lab_recording* recording,
                                           const ecg2lab_patient* patient, const ecg2lab_explain_options* options,
                                           const ecg2lab_call* call, ecg2lab_result** result);

/* The answer or refusal as one line of JSON, the document that the Python package writes and prediction.schema.json
 * describes: byte for byte the same, but for the name of the record, which is the caller's (null, and "" in a refusal),
 * and the versions, which name this library alone. Of ecg2lab_judge it is the quality alone, as `quality` of the
 * document has it. It lives as long as the result, which any number of threads may ask at the same time. NULL if
 * `result` is NULL, or memory ran out. Since ABI version 2. */
ECG2LAB_API const char* ecg2lab_result_json(const ecg2lab_result* result);

/* Bytes that the library made. Since ABI version 4. */
typedef struct ecg2lab_bytes {
  size_t struct_size;
  const void* data;
  size_t size;
} ecg2lab_bytes;

ECG2LAB_API void ecg2lab_bytes_free(ecg2lab_bytes* bytes);

/* ---- HL7 ----
 *
 * An answer or refusal as a message of HL7 v2.5.1, ORU^R01, for a program that sends it to a record over MLLP:
 * docs/conformance.md lays it out. Since ABI version 5. */
typedef struct ecg2lab_hl7 {
  size_t struct_size;
  /* What the answer does not know: who sends and receives, whose it is, what was ordered. NULL, the default: as said;
   * where nothing is said, the field of the message stays empty. Times are YYYY[MM[DD[HHMM[SS]]]], with or without
   * +ZZZZ or -ZZZZ. */
  const char* sending_application; /* NULL: "ecg2lab" */
  const char* sending_facility;
  const char* receiving_application;
  const char* receiving_facility;
  const char* control_id; /* 20 characters at most. NULL: made of the rest of the message, without its time */
  const char* time;       /* of the message */
  const char* observed;   /* when the ECG was taken */
  const char* birth_date;
  const char* processing_id;     /* NULL: "P", production */
  const char* patient_id;        /* NULL: the message has no PID */
  const char* patient_authority; /* that gave the patient this number */
  const char* family_name;
  const char* given_name;
  const char* sex;           /* of HL7's table 0001, such as "F" */
  const char* patient_class; /* of table 0004, such as "E" */
  const char* location;      /* point of care */
  const char* visit_number;
  const char* placer_order;
  const char* filler_order; /* NULL: the control id */
  const char* accession;
  const char* result_status; /* of table 0123. NULL: "R", entered and not verified */
  const char* abnormal_flag; /* of what is flagged. NULL: "A"; "": none */
  const char* device;        /* NULL: name and version of this library */
  const void* document;      /* such as a report in PDF; NULL, the default: none */
  size_t document_size;
  const char* document_type;    /* of table 0191. NULL: "AP" */
  const char* document_subtype; /* of table 0291. NULL: "PDF" */
} ecg2lab_hl7;

ECG2LAB_API ecg2lab_status ecg2lab_hl7_init(ecg2lab_hl7* fields, size_t struct_size);

/* The message; segments end with a carriage return, and MLLP's own bytes are not part of it. `fields` may be NULL.
 * ECG2LAB_ERROR_ARGUMENT if the standard has no room for a field, or it is no time: nothing is cut off; and for a
 * result of ecg2lab_judge, which has no answer. Any number of threads may ask. Since ABI version 5. */
ECG2LAB_API ecg2lab_status ecg2lab_result_hl7(const ecg2lab_result* result, const ecg2lab_hl7* fields,
                                              ecg2lab_bytes** message);

/* ---- With an engine of the program's own ----
 *
 * ecg2lab_predict in its two halves, for a program that runs the network itself, such as on a GPU. In between it runs
 * the bundle's window graph, an ONNX model, with a runtime of its own:
 *
 *   ecg2lab_window_graph   once: the bytes from which the runtime makes its session
 *   ecg2lab_prepare        recording and patient: windows and features, or a refusal
 *   the runtime            signal, continuous and categorical in; logits and features out
 *   ecg2lab_decide         the result, as ecg2lab_predict gives it
 *
 * examples/cart_gpu.c does so with ONNX Runtime. A bundle's proof does not speak of the program's runtime: compare its
 * results with those of ecg2lab_predict on the machine where it is used. Since ABI version 2. */

/* As ecg2lab_load, but no engine is made: ecg2lab_predict and streams refuse such a model (ECG2LAB_ERROR_BACKEND). It
 * takes the bundles, too, whose precision or architecture this library cannot compute, or that were exported without
 * its engine. Of the options, `threads` is not looked at, and a precision that is not the bundle's own is refused; the
 * description has an empty instruction_set and threads 0. A model of ecg2lab_load can be prepared for just as well. */
ECG2LAB_API ecg2lab_status ecg2lab_load_without_engine(const char* path, const ecg2lab_options* options,
                                                       ecg2lab_model** model);

/* An ONNX model with the names and sizes of its inputs and outputs. B, the number of windows that it is given at once,
 * is free, and the same for all. */
typedef struct ecg2lab_graph {
  size_t struct_size;
  const void* content;     /* the file: checked as every byte of the bundle, against the manifest's SHA-256 */
  size_t content_size;     /* bytes */
  const char* precision;   /* of its dense products: "fp32", "fp16", "bf16" or "int8"; inputs and outputs are float */
  const char* signal;      /* input (B, lead_count, window_samples), float, mV */
  const char* continuous;  /* input (B, continuous_count), float */
  const char* categorical; /* input (B, categorical_count), int64 */
  const char* logits;      /* output (B, logit_count), float */
  const char* features;    /* output (B, feature_count), float; NULL: it has none */
  size_t lead_count;
  size_t window_samples;
  size_t continuous_count;  /* 0 where the model takes no numbers; the graph still has the input */
  size_t categorical_count; /* likewise */
  size_t logit_count;
  size_t feature_count; /* 0 where it has none */
} ecg2lab_graph;

/* The network over one window. NULL if `model` is NULL. */
ECG2LAB_API const ecg2lab_graph* ecg2lab_window_graph(const ecg2lab_model* model);

/* Inputs of the graph, row-major: W windows, to be run at once or in parts, first to last. */
typedef struct ecg2lab_prepared {
  size_t struct_size;
  int32_t status;             /* what ecg2lab_prepare returned */
  int32_t refusal;            /* ecg2lab_refusal */
  const char* message;        /* why it was refused; empty if it was not */
  size_t window_count;        /* W; 0: refused */
  const float* signal;        /* (W, lead_count, window_samples), mV; of this and the next two none is NULL */
  const float* continuous;    /* (W, continuous_count): every row the same, the patient's */
  const int64_t* categorical; /* (W, categorical_count): likewise */
  int32_t quality;            /* ecg2lab_quality; this and the rest as the result will have it */
  const ecg2lab_lead* const* leads;
  size_t lead_count;
  const ecg2lab_fault* const* faults;
  size_t fault_count;
  const ecg2lab_message* const* messages; /* `message` by code and parameters. This and the next since ABI version 4 */
  size_t message_count;
} ecg2lab_prepared;

/* The first half. `patient` may be NULL: nothing is known.
 *
 * A refusal (ECG2LAB_ERROR_RECORDING, _PATIENT, _QUALITY) gives a prepared recording too, without windows, of which
 * ecg2lab_decide makes the result that ecg2lab_predict gives. After any other error *prepared is NULL. */
ECG2LAB_API ecg2lab_status ecg2lab_prepare(const ecg2lab_model* model, const ecg2lab_recording* recording,
                                           const ecg2lab_patient* patient, ecg2lab_prepared** prepared);
ECG2LAB_API void ecg2lab_prepared_free(ecg2lab_prepared* prepared);

/* What the runtime gave for the windows of one prepared recording, first to last, and what it was. */
typedef struct ecg2lab_output {
  size_t struct_size;
  const float* logits;   /* (W, logit_count of the graph) */
  size_t logit_count;    /* numbers there, W times as many */
  const float* features; /* (W, feature_count of the graph); NULL where the graph has none */
  size_t feature_count;  /* numbers there */
  /* For `engine` of the JSON, whose `backend` is "host". NULL, the default: "not stated". */
  const char* provider; /* such as "ONNX Runtime 1.32.0, CUDAExecutionProvider" */
  const char* device;   /* such as "cuda:0" */
  size_t threads;       /* of one call; 0, the default: not stated */
} ecg2lab_output;

ECG2LAB_API ecg2lab_status ecg2lab_output_init(ecg2lab_output* output, size_t struct_size);

/* The second half, as often as wanted. Of a refused recording `output` is not looked at and may be NULL; status and
 * result are those of ecg2lab_predict. ECG2LAB_ERROR_ARGUMENT: numbers are missing, or not as many as the windows need;
 * ECG2LAB_ERROR_BACKEND: one is not finite. */
ECG2LAB_API ecg2lab_status ecg2lab_decide(const ecg2lab_prepared* prepared, const ecg2lab_output* output,
                                          ecg2lab_result** result);

/* ---- Stream ----
 *
 * A signal that is still coming in, answered every hop from its latest window: the answer is the one of that window cut
 * out of the whole signal, whatever the chunks in which the samples came. A sample is certain, and its window due, when
 * the resampler has seen what follows: `look_ahead_samples`, about half a second at any rate but the model's own. */
typedef struct ecg2lab_stream ecg2lab_stream;

typedef struct ecg2lab_stream_options {
  size_t struct_size;
  double hop_s; /* from one window to the next, 1 by default: a whole number of samples at the model's rate */
  /* A lead without values for so long is off, and the windows with a part of that gap are refused; a shorter gap is
   * interpolated once its end is known, and delays the answers by its length. 0, the default: a window. */
  double longest_gap_s;
  /* Signal that may wait behind the oldest answer that was not taken, up to a day: from then on a push is refused, and
   * none of it is taken, until answers are taken or the stream is reset. Nothing is dropped. With the longest push this
   * bounds the memory of a stream: 12 leads at 500 Hz are 52 kB for each second. 0, the default: 600. Since ABI version
   * 3. */
  double longest_backlog_s;
} ecg2lab_stream_options;

ECG2LAB_API ecg2lab_status ecg2lab_stream_options_init(ecg2lab_stream_options* options, size_t struct_size);

/* `format` says what the samples will be; its samples and sample_count are not looked at. Both strides 0: a push has
 * one lead after another. `patient` and `options` may be NULL. After an error, refusals of format or patient among
 * them, *stream is NULL. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_open(const ecg2lab_model* model, const ecg2lab_recording* format,
                                               const ecg2lab_patient* patient, const ecg2lab_stream_options* options,
                                               ecg2lab_stream** stream);
ECG2LAB_API void ecg2lab_stream_free(ecg2lab_stream* stream);

/* Facts about the patient for the windows that come; NULL: nothing is known. If they are refused, the former stay. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_patient(ecg2lab_stream* stream, const ecg2lab_patient* patient);

/* `sample_count` samples of every lead that follow those before; 0 is allowed. Cheap: nothing is answered yet, and what
 * ecg2lab_stream_next does not fetch is kept, up to `longest_backlog_s`. Infinite samples, and more than that, are
 * refused (ECG2LAB_ERROR_RECORDING) and none of the push is taken. A hole in time must be filled by the caller with NaN
 * or `missing_code`. After ECG2LAB_ERROR_MEMORY reset the stream. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_push(ecg2lab_stream* stream, const void* samples, size_t sample_count);

/* The signal ends here: the windows that wait for what follows become due. Only a reset stream takes samples again. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_finish(ecg2lab_stream* stream);

/* The next window's answer, in the order of time; ECG2LAB_OK with *result NULL: none is due. A refused window gives a
 * status and a result as ecg2lab_predict does, and the stream goes on. After ECG2LAB_ERROR_MEMORY the same window may
 * be asked for again. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_next(ecg2lab_stream* stream, ecg2lab_result** result);

/* The same with a deadline or a way to cancel it; `call` may be NULL. Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_next_within(ecg2lab_stream* stream, const ecg2lab_call* call,
                                                      ecg2lab_result** result);

/* As it was opened: another recording of the same patient begins. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_reset(ecg2lab_stream* stream);

/* How the stream stands, to go on later or in another process: a stream that is opened likewise and restored answers
 * from then on as this one does. The state holds signal and no facts about the patient; it is for the same bundle,
 * precision, leads, rate, unit and options, which are checked, and machines of the same byte order. It is not the
 * state of the Python package's Stream. Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_save(const ecg2lab_stream* stream, ecg2lab_bytes** state);

/* ECG2LAB_ERROR_ARGUMENT if the bytes are no such state, are damaged, or belong to another kind of stream: then nothing
 * has changed. Since ABI version 4. */
ECG2LAB_API ecg2lab_status ecg2lab_stream_restore(ecg2lab_stream* stream, const void* state, size_t size);

typedef struct ecg2lab_stream_lead {
  const char* name;
  int32_t derived;        /* 1: computed from two other limb leads */
  int32_t off;            /* 1: without values for `longest_gap_s` until now */
  size_t missing_samples; /* so far, at the recorded rate */
  size_t clipped_samples;
  size_t longest_gap;
} ecg2lab_stream_lead;

typedef struct ecg2lab_stream_state {
  size_t struct_size;
  int64_t received_samples;                /* of each lead */
  int64_t prepared_samples;                /* that are certain, at the model's rate */
  size_t look_ahead_samples;               /* that must follow an instant, at the recorded rate, before it is certain */
  size_t due;                              /* answers that ecg2lab_stream_next has */
  const ecg2lab_stream_lead* const* leads; /* those of the model, in its order */
  size_t lead_count;
} ecg2lab_stream_state;

/* How the stream stands; valid until the next call with it. NULL if `stream` is NULL, or memory ran out. */
ECG2LAB_API const ecg2lab_stream_state* ecg2lab_stream_describe(ecg2lab_stream* stream);

#ifdef __cplusplus
}
#endif

#endif
