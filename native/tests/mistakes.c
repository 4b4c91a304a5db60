/* Every mistake that a program can make with ecg2lab.h, short of a wild pointer: each gives its status and a message,
 * and the model still answers. Sanitizers look for what they leave behind.
 *
 *   mistakes MODEL SCRATCH     SCRATCH is a file that is written and read
 *
 * Exit status 0: each was refused as it should be.
 */
#include <ecg2lab.h>
#include <float.h>
#include <math.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEADS = 12, SAMPLES = 1500 };

static const char* const names[LEADS] = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
static double samples[LEADS * SAMPLES];
static int wrong = 0;

/* `status` must be `expected`, with a message where it is an error. */
static void expect(const char* mistake, ecg2lab_status status, ecg2lab_status expected) {
  const int said = ecg2lab_last_error()[0] != '\0';
  if (status == expected && said == (expected != ECG2LAB_OK)) return;
  printf("%s: %s (%s)\n", mistake, ecg2lab_status_name(status), ecg2lab_last_error());
  ++wrong;
}

static ecg2lab_recording good_recording(void) {
  ecg2lab_recording recording;
  ecg2lab_recording_init(&recording, sizeof recording);
  recording.samples = samples;
  recording.sample_type = ECG2LAB_DOUBLE;
  recording.unit = ECG2LAB_MILLIVOLT;
  recording.leads = names;
  recording.lead_count = LEADS;
  recording.sample_count = SAMPLES;
  recording.sampling_rate_hz = 500;
  return recording;
}

static ecg2lab_patient good_patient(void) {
  ecg2lab_patient patient;
  ecg2lab_patient_init(&patient, sizeof patient);
  patient.age = 63;
  return patient;
}

/* Asks, and asks again without a mistake. */
static void ask(const char* mistake, const ecg2lab_model* model, const ecg2lab_recording* recording,
                const ecg2lab_patient* patient, ecg2lab_status expected) {
  const ecg2lab_recording good = good_recording();
  ecg2lab_result* result = NULL;
  expect(mistake, ecg2lab_predict(model, recording, patient, &result), expected);
  ecg2lab_result_free(result);
  expect("the next recording", ecg2lab_predict(model, &good, NULL, &result), ECG2LAB_OK);
  ecg2lab_result_free(result);
}

static void null_pointers(const char* path, const ecg2lab_model* model) {
  const ecg2lab_recording recording = good_recording();
  ecg2lab_model* loaded = NULL;
  ecg2lab_result* result = NULL;
  expect("no path", ecg2lab_load(NULL, NULL, &loaded), ECG2LAB_ERROR_ARGUMENT);
  expect("no model to load into", ecg2lab_load(path, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no model", ecg2lab_predict(NULL, &recording, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no recording", ecg2lab_predict(model, NULL, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no result", ecg2lab_predict(model, &recording, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no options", ecg2lab_options_init(NULL, sizeof(ecg2lab_options)), ECG2LAB_ERROR_ARGUMENT);
  expect("no recording", ecg2lab_recording_init(NULL, sizeof recording), ECG2LAB_ERROR_ARGUMENT);
  expect("no patient", ecg2lab_patient_init(NULL, sizeof(ecg2lab_patient)), ECG2LAB_ERROR_ARGUMENT);
  ecg2lab_free(NULL);
  ecg2lab_result_free(NULL);
  if (ecg2lab_describe(NULL) != NULL) ++wrong;
}

static void struct_sizes(const ecg2lab_model* model) {
  static const size_t sizes[] = {0, 1, 7, 8, sizeof(ecg2lab_recording) + 1, sizeof(ecg2lab_recording) + 8, SIZE_MAX};
  ecg2lab_recording recording = good_recording();
  ecg2lab_patient patient = good_patient();
  size_t i;
  for (i = 0; i < sizeof sizes / sizeof sizes[0]; ++i) {
    expect("struct size", ecg2lab_recording_init(&recording, sizes[i]), ECG2LAB_ERROR_ARGUMENT);
    recording.struct_size = sizes[i];
    ask("struct size of a recording", model, &recording, NULL, ECG2LAB_ERROR_ARGUMENT);
    recording = good_recording();
    patient.struct_size = sizes[i];
    ask("struct size of a patient", model, &recording, &patient, ECG2LAB_ERROR_ARGUMENT);
  }
}

/* A recording with one field that cannot be meant. */
#define RECORDING(field, value, status)                  \
  do {                                                   \
    ecg2lab_recording odd = good_recording();            \
    odd.field = value;                                   \
    ask(#field " = " #value, model, &odd, NULL, status); \
  } while (0)

static void recordings(const ecg2lab_model* model) {
  static const char* const hole[LEADS] = {"I", NULL};
  static const char* const elbow[LEADS] = {"elbow", "II", "III", "aVR", "aVL", "aVF",
                                           "V1",    "V2", "V3",  "V4",  "V5",  "V6"};
  static const ecg2lab_source_field no_value[] = {{"patient", NULL}};
  RECORDING(samples, NULL, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(leads, NULL, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(leads, hole, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(leads, elbow, ECG2LAB_ERROR_RECORDING);
  RECORDING(lead_count, 0, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(lead_count, 1, ECG2LAB_ERROR_RECORDING);
  RECORDING(lead_count, 65, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(lead_count, SIZE_MAX, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_count, 0, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_count, 1, ECG2LAB_ERROR_RECORDING);
  RECORDING(sample_count, (size_t)1 << 29, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_count, SIZE_MAX, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_type, 4, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_type, INT32_MIN, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(unit, 0, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(unit, 5, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(unit, INT32_MAX, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(unit, ECG2LAB_ADC, ECG2LAB_ERROR_RECORDING);
  RECORDING(unit, ECG2LAB_VOLT, ECG2LAB_ERROR_QUALITY);
  RECORDING(lead_stride, 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_stride, 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sample_stride, SIZE_MAX, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(gain_count, 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(baseline_count, SIZE_MAX, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(buffer_bytes, 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(buffer_bytes, sizeof samples - 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(has_missing_code, 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(has_missing_code, -1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(source_count, 1, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(source_count, SIZE_MAX, ECG2LAB_ERROR_ARGUMENT);
  RECORDING(sampling_rate_hz, 0, ECG2LAB_ERROR_RECORDING);
  RECORDING(sampling_rate_hz, -500, ECG2LAB_ERROR_RECORDING);
  RECORDING(sampling_rate_hz, NAN, ECG2LAB_ERROR_RECORDING);
  RECORDING(sampling_rate_hz, INFINITY, ECG2LAB_ERROR_RECORDING);
  RECORDING(sampling_rate_hz, DBL_MAX, ECG2LAB_ERROR_RECORDING);
  RECORDING(sampling_rate_hz, 333.33, ECG2LAB_ERROR_RECORDING);
  {
    ecg2lab_recording odd = good_recording();
    odd.source = no_value;
    odd.source_count = 1;
    ask("a source field without a value", model, &odd, NULL, ECG2LAB_ERROR_ARGUMENT);
  }
}

static void sample_values(const ecg2lab_model* model) {
  static const double values[] = {NAN, INFINITY, -INFINITY, DBL_MAX, -DBL_MAX, DBL_MIN, 0};
  static const double gains[] = {0, -1, NAN, INFINITY};
  double kept[SAMPLES];
  size_t i, t;
  ecg2lab_recording recording = good_recording();
  memcpy(kept, samples, sizeof kept);
  for (i = 0; i < sizeof values / sizeof values[0]; ++i) {
    ecg2lab_result* result = NULL;
    ecg2lab_status status;
    for (t = 0; t < SAMPLES; ++t) samples[t] = values[i];
    status = ecg2lab_predict(model, &recording, NULL, &result);
    expect("a lead of one value", status, isinf(values[i]) ? ECG2LAB_ERROR_RECORDING : ECG2LAB_ERROR_QUALITY);
    ecg2lab_result_free(result);
  }
  memcpy(samples, kept, sizeof kept);
  recording.unit = ECG2LAB_ADC;
  recording.gain_count = 1;
  for (i = 0; i < sizeof gains / sizeof gains[0]; ++i) {
    recording.gain = &gains[i];
    ask("gain", model, &recording, NULL, ECG2LAB_ERROR_RECORDING);
  }
}

#define PATIENT(field, value, status)                          \
  do {                                                         \
    ecg2lab_patient odd = good_patient();                      \
    odd.field = value;                                         \
    ask(#field " = " #value, model, &recording, &odd, status); \
  } while (0)

static void patients(const ecg2lab_model* model) {
  const ecg2lab_recording recording = good_recording();
  PATIENT(sex, 2, ECG2LAB_ERROR_ARGUMENT);
  PATIENT(sex, INT32_MIN, ECG2LAB_ERROR_ARGUMENT);
  PATIENT(race, 5, ECG2LAB_ERROR_ARGUMENT);
  PATIENT(race, INT32_MAX, ECG2LAB_ERROR_ARGUMENT);
  PATIENT(age, INFINITY, ECG2LAB_ERROR_PATIENT);
  PATIENT(age, -1, ECG2LAB_ERROR_PATIENT);
  PATIENT(age, 1e308, ECG2LAB_ERROR_PATIENT);
  PATIENT(age, 3, ECG2LAB_ERROR_PATIENT);
  PATIENT(height_cm, 1e-300, ECG2LAB_ERROR_PATIENT);
  PATIENT(temperature_f, 37, ECG2LAB_ERROR_PATIENT);
}

/* Decides of good numbers with one mistake, which `expected` names. */
static void refuse_output(const char* mistake, const ecg2lab_prepared* prepared, ecg2lab_output output,
                          ecg2lab_status expected) {
  ecg2lab_result* result = NULL;
  expect(mistake, ecg2lab_decide(prepared, &output, &result), expected);
  if (result != NULL) ++wrong;
  ecg2lab_result_free(result);
}

static void outputs(const ecg2lab_graph* graph, const ecg2lab_prepared* prepared) {
  static const float odd[] = {NAN, INFINITY, -INFINITY};
  const size_t logits = prepared->window_count * graph->logit_count;
  const size_t features = prepared->window_count * graph->feature_count;
  float* numbers = calloc(logits + features, sizeof *numbers);
  ecg2lab_output good, output;
  ecg2lab_result* result = NULL;
  size_t i;
  if (numbers == NULL) exit(2);
  ecg2lab_output_init(&good, sizeof good);
  refuse_output("no logits", prepared, good, ECG2LAB_ERROR_ARGUMENT);
  good.logits = numbers;
  good.logit_count = logits;
  good.features = numbers + logits;
  good.feature_count = features;
#define OUTPUT(field, value)                                                      \
  do {                                                                            \
    output = good;                                                                \
    output.field = value;                                                         \
    refuse_output(#field " = " #value, prepared, output, ECG2LAB_ERROR_ARGUMENT); \
  } while (0)
  OUTPUT(struct_size, 0);
  OUTPUT(struct_size, SIZE_MAX);
  OUTPUT(logits, NULL);
  OUTPUT(logit_count, 0);
  OUTPUT(logit_count, logits - 1);
  OUTPUT(logit_count, SIZE_MAX);
  OUTPUT(features, NULL);
  OUTPUT(feature_count, features + 1);
  for (i = 0; i < sizeof odd / sizeof odd[0]; ++i) {
    numbers[logits - 1] = odd[i];
    refuse_output("a logit that is not finite", prepared, good, ECG2LAB_ERROR_BACKEND);
    numbers[logits - 1] = 0;
  }
  expect("no result", ecg2lab_decide(prepared, &good, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("the next output", ecg2lab_decide(prepared, &good, &result), ECG2LAB_OK);
  free(numbers);
  if (result == NULL || result->finding_count == 0 || ecg2lab_result_json(result) == NULL) ++wrong;
  ecg2lab_result_free(result);
}

/* Opens a stream with a mistake, which must not come into being. */
static void refuse_stream(const char* mistake, const ecg2lab_model* model, const ecg2lab_recording* format,
                          const ecg2lab_stream_options* options, ecg2lab_status expected) {
  ecg2lab_stream* stream = NULL;
  expect(mistake, ecg2lab_stream_open(model, format, NULL, options, &stream), expected);
  if (stream != NULL) ++wrong;
  ecg2lab_stream_free(stream);
}

/* With an engine of the program's own; what was prepared, and the result, outlive the model. */
static void halves(const char* path) {
  const ecg2lab_recording recording = good_recording();
  ecg2lab_recording bad = good_recording();
  ecg2lab_model* model = NULL;
  ecg2lab_prepared* prepared = NULL;
  ecg2lab_prepared* refused = NULL;
  ecg2lab_result* result = NULL;
  ecg2lab_graph graph;
  expect("no path", ecg2lab_load_without_engine(NULL, NULL, &model), ECG2LAB_ERROR_ARGUMENT);
  expect("no model to load into", ecg2lab_load_without_engine(path, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  if (ecg2lab_window_graph(NULL) != NULL) ++wrong;
  expect("no output", ecg2lab_output_init(NULL, sizeof(ecg2lab_output)), ECG2LAB_ERROR_ARGUMENT);
  expect("nothing to decide of", ecg2lab_decide(NULL, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  ecg2lab_prepared_free(NULL);
  if (ecg2lab_load_without_engine(path, NULL, &model) != ECG2LAB_OK) exit(2);
  expect("no engine", ecg2lab_predict(model, &recording, NULL, &result), ECG2LAB_ERROR_BACKEND);
  refuse_stream("a stream without an engine", model, &recording, NULL, ECG2LAB_ERROR_BACKEND);
  expect("no model", ecg2lab_prepare(NULL, &recording, NULL, &prepared), ECG2LAB_ERROR_ARGUMENT);
  expect("no recording", ecg2lab_prepare(model, NULL, NULL, &prepared), ECG2LAB_ERROR_ARGUMENT);
  expect("nowhere to prepare", ecg2lab_prepare(model, &recording, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  bad.sampling_rate_hz = NAN;
  expect("rate", ecg2lab_prepare(model, &bad, NULL, &refused), ECG2LAB_ERROR_RECORDING);
  expect("a good recording", ecg2lab_prepare(model, &recording, NULL, &prepared), ECG2LAB_OK);
  if (prepared == NULL || refused == NULL || prepared->window_count == 0 || refused->window_count != 0) exit(2);
  graph = *ecg2lab_window_graph(model);
  ecg2lab_free(model);
  expect("a refused recording", ecg2lab_decide(refused, NULL, &result), ECG2LAB_ERROR_RECORDING);
  ecg2lab_prepared_free(refused);
  if (result == NULL || result->finding_count != 0 || ecg2lab_result_json(result) == NULL) ++wrong;
  ecg2lab_result_free(result);
  outputs(&graph, prepared);
  ecg2lab_prepared_free(prepared);
}

static void stream_options(const ecg2lab_model* model) {
  static const double seconds[] = {-1, NAN, INFINITY, -INFINITY, DBL_MAX, DBL_MIN, 1e-9};
  const ecg2lab_recording good = good_recording();
  ecg2lab_recording odd = good_recording();
  ecg2lab_stream_options options;
  size_t i;
  expect("no stream options", ecg2lab_stream_options_init(NULL, sizeof options), ECG2LAB_ERROR_ARGUMENT);
  expect("struct size", ecg2lab_stream_options_init(&options, 3), ECG2LAB_ERROR_ARGUMENT);
  for (i = 0; i < sizeof seconds / sizeof seconds[0]; ++i) {
    ecg2lab_stream_options_init(&options, sizeof options);
    options.hop_s = seconds[i];
    refuse_stream("hop", model, &good, &options, ECG2LAB_ERROR_ARGUMENT);
    ecg2lab_stream_options_init(&options, sizeof options);
    options.longest_gap_s = seconds[i];
    if (!(seconds[i] > 0)) refuse_stream("gap", model, &good, &options, ECG2LAB_ERROR_ARGUMENT);
  }
  ecg2lab_stream_options_init(&options, sizeof options);
  options.struct_size = SIZE_MAX;
  refuse_stream("struct size of options", model, &good, &options, ECG2LAB_ERROR_ARGUMENT);
  refuse_stream("no model", NULL, &good, NULL, ECG2LAB_ERROR_ARGUMENT);
  refuse_stream("no format", model, NULL, NULL, ECG2LAB_ERROR_ARGUMENT);
  odd.sampling_rate_hz = NAN;
  refuse_stream("rate", model, &odd, NULL, ECG2LAB_ERROR_RECORDING);
  odd = good_recording();
  odd.lead_count = 1;
  refuse_stream("leads", model, &odd, NULL, ECG2LAB_ERROR_RECORDING);
  expect("no stream to open", ecg2lab_stream_open(model, &good, NULL, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
}

/* After each mistake the stream takes samples, and answers. */
static void streams(const ecg2lab_model* model) {
  const ecg2lab_recording format = good_recording();
  ecg2lab_patient patient = good_patient();
  ecg2lab_stream* stream = NULL;
  ecg2lab_result* result = NULL;
  double infinite[LEADS] = {0};
  stream_options(model);
  expect("no stream", ecg2lab_stream_push(NULL, samples, 1), ECG2LAB_ERROR_ARGUMENT);
  expect("no stream", ecg2lab_stream_finish(NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no stream", ecg2lab_stream_reset(NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no stream", ecg2lab_stream_next(NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no stream", ecg2lab_stream_patient(NULL, &patient), ECG2LAB_ERROR_ARGUMENT);
  if (ecg2lab_stream_describe(NULL) != NULL) ++wrong;
  ecg2lab_stream_free(NULL);
  if (ecg2lab_stream_open(model, &format, &patient, NULL, &stream) != ECG2LAB_OK) {
    ++wrong;
    return;
  }
  expect("no samples", ecg2lab_stream_push(stream, NULL, 1), ECG2LAB_ERROR_ARGUMENT);
  expect("no samples, and none said", ecg2lab_stream_push(stream, NULL, 0), ECG2LAB_OK);
  expect("too many samples", ecg2lab_stream_push(stream, samples, SIZE_MAX), ECG2LAB_ERROR_ARGUMENT);
  expect("no result", ecg2lab_stream_next(stream, NULL), ECG2LAB_ERROR_ARGUMENT);
  infinite[LEADS - 1] = INFINITY;
  expect("infinite samples", ecg2lab_stream_push(stream, infinite, 1), ECG2LAB_ERROR_RECORDING);
  patient.age = 3;
  expect("a child", ecg2lab_stream_patient(stream, &patient), ECG2LAB_ERROR_PATIENT);
  expect("samples", ecg2lab_stream_push(stream, samples, SAMPLES), ECG2LAB_OK);
  expect("the end", ecg2lab_stream_finish(stream), ECG2LAB_OK);
  expect("samples after the end", ecg2lab_stream_push(stream, samples, 1), ECG2LAB_ERROR_RECORDING);
  expect("the answer", ecg2lab_stream_next(stream, &result), ECG2LAB_OK);
  if (result == NULL || result->finding_count == 0 || ecg2lab_stream_describe(stream) == NULL) ++wrong;
  ecg2lab_result_free(result);
  expect("reset", ecg2lab_stream_reset(stream), ECG2LAB_OK);
  expect("samples after a reset", ecg2lab_stream_push(stream, samples, SAMPLES), ECG2LAB_OK);
  ecg2lab_stream_free(stream);
}

static void odd_options(const char* path) {
  static const struct {
    const char* precision;
    size_t threads;
    ecg2lab_status status;
  } table[] = {{"fp64", 1, ECG2LAB_ERROR_BACKEND},      {"", 1, ECG2LAB_OK},
               {"\xff\n", 1, ECG2LAB_ERROR_BACKEND},    {NULL, 0, ECG2LAB_ERROR_BACKEND},
               {NULL, SIZE_MAX, ECG2LAB_ERROR_BACKEND}, {NULL, 3, ECG2LAB_OK}};
  size_t i;
  for (i = 0; i < sizeof table / sizeof table[0]; ++i) {
    ecg2lab_options options;
    ecg2lab_model* model = NULL;
    ecg2lab_options_init(&options, sizeof options);
    options.precision = table[i].precision;
    options.threads = table[i].threads;
    expect("options", ecg2lab_load(path, &options, &model), table[i].status);
    ecg2lab_free(model);
  }
}

static int write_file(const char* path, const char* content, size_t size) {
  FILE* file = fopen(path, "wb");
  size_t written;
  if (file == NULL) return 0;
  written = fwrite(content, 1, size, file);
  return fclose(file) == 0 && written == size;
}

static void load_content(const char* mistake, const char* scratch, const char* content, size_t size) {
  ecg2lab_model* model = NULL;
  if (!write_file(scratch, content, size)) {
    printf("cannot write %s\n", scratch);
    ++wrong;
    return;
  }
  expect(mistake, ecg2lab_load(scratch, NULL, &model), ECG2LAB_ERROR_BUNDLE);
  if (model != NULL) ++wrong;
  ecg2lab_free(model);
}

/* Cut short, with a wrong byte, and other files. */
static void bundles(const char* path, const char* scratch) {
  enum { PLACES = 60 };
  FILE* file = fopen(path, "rb");
  char* content;
  long size;
  long place;
  if (file == NULL || fseek(file, 0, SEEK_END) != 0) exit(2);
  size = ftell(file);
  rewind(file);
  content = malloc((size_t)size);
  if (content == NULL || fread(content, 1, (size_t)size, file) != (size_t)size) exit(2);
  fclose(file);
  for (place = 0; place < PLACES; ++place) {
    const long at = size / PLACES * place;
    load_content("cut short", scratch, content, (size_t)at);
    content[at] ^= 0x40;
    load_content("a wrong byte", scratch, content, (size_t)size);
    content[at] ^= 0x40;
  }
  memset(content, 'x', (size_t)size);
  load_content("another file", scratch, content, (size_t)size);
  load_content("a file of four bytes", scratch, "PK\3\4", 4);
  free(content);
}

/* Of the calls that take a call: deadlines that cannot be meant, and those that passed. */
static void calls(const ecg2lab_model* model) {
  const double odd[] = {-1, NAN, -INFINITY};
  const ecg2lab_recording recording = good_recording();
  ecg2lab_cancel* cancel = NULL;
  ecg2lab_call call;
  ecg2lab_explain_options options;
  ecg2lab_result* result = NULL;
  ecg2lab_selftest_report* report = NULL;
  const char* const unknown[] = {"nothing of the kind"};
  const double segments[] = {0, -1, NAN, 1e9};
  size_t i;
  expect("no call", ecg2lab_call_init(NULL, sizeof call), ECG2LAB_ERROR_ARGUMENT);
  expect("no options", ecg2lab_explain_options_init(NULL, sizeof options), ECG2LAB_ERROR_ARGUMENT);
  expect("no cancel", ecg2lab_cancel_new(NULL), ECG2LAB_ERROR_ARGUMENT);
  ecg2lab_cancel_set(NULL);
  ecg2lab_cancel_clear(NULL);
  ecg2lab_cancel_free(NULL);
  ecg2lab_selftest_report_free(NULL);
  ecg2lab_call_init(&call, sizeof call);
  for (i = 0; i < sizeof odd / sizeof *odd; ++i) {
    call.deadline_s = odd[i];
    expect("deadline", ecg2lab_predict_within(model, &recording, NULL, &call, &result), ECG2LAB_ERROR_ARGUMENT);
    expect("deadline", ecg2lab_selftest(model, &call, &report), ECG2LAB_ERROR_ARGUMENT);
  }
  call.deadline_s = 0;
  call.struct_size = 3;
  expect("size", ecg2lab_predict_within(model, &recording, NULL, &call, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no model", ecg2lab_selftest(NULL, NULL, &report), ECG2LAB_ERROR_ARGUMENT);
  expect("no report", ecg2lab_selftest(model, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no model", ecg2lab_judge(NULL, &recording, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no recording", ecg2lab_judge(model, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no result", ecg2lab_judge(model, &recording, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no model", ecg2lab_explain(NULL, &recording, NULL, NULL, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  expect("no result", ecg2lab_explain(model, &recording, NULL, NULL, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  ecg2lab_explain_options_init(&options, sizeof options);
  for (i = 0; i < sizeof segments / sizeof *segments; ++i) {
    options.segment_s = segments[i];
    expect("segment", ecg2lab_explain(model, &recording, NULL, &options, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  }
  ecg2lab_explain_options_init(&options, sizeof options);
  options.target_count = 1;
  expect("targets", ecg2lab_explain(model, &recording, NULL, &options, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  options.targets = unknown;
  expect("target", ecg2lab_explain(model, &recording, NULL, &options, NULL, &result), ECG2LAB_ERROR_ARGUMENT);
  if (ecg2lab_cancel_new(&cancel) != ECG2LAB_OK) exit(2);
  ecg2lab_call_init(&call, sizeof call);
  call.cancel = cancel;
  ecg2lab_cancel_set(cancel);
  expect("cancelled", ecg2lab_explain(model, &recording, NULL, NULL, &call, &result), ECG2LAB_ERROR_CANCELLED);
  expect("cancelled", ecg2lab_selftest(model, &call, &report), ECG2LAB_ERROR_CANCELLED);
  ecg2lab_cancel_clear(cancel);
  expect("not cancelled", ecg2lab_selftest(model, &call, &report), ECG2LAB_OK);
  ecg2lab_selftest_report_free(report);
  expect("judged", ecg2lab_judge(model, &recording, &result), ECG2LAB_OK);
  if (result == NULL || result->finding_count != 0 || ecg2lab_result_json(result) == NULL) ++wrong;
  ecg2lab_result_free(result);
  ecg2lab_explain_options_init(&options, sizeof options);
  options.segment_s = 2.5;
  expect("explained", ecg2lab_explain(model, &recording, NULL, &options, &call, &result), ECG2LAB_OK);
  if (result == NULL || result->explanation_count == 0 || ecg2lab_result_json(result) == NULL) ++wrong;
  ecg2lab_result_free(result);
  ecg2lab_cancel_free(cancel);
}

/* A stream's state: none, damaged, of another stream, and one that is right. */
static void states(const ecg2lab_model* model) {
  ecg2lab_recording format = good_recording();
  ecg2lab_stream* stream = NULL;
  ecg2lab_stream* other = NULL;
  ecg2lab_bytes* state = NULL;
  expect("no stream", ecg2lab_stream_save(NULL, &state), ECG2LAB_ERROR_ARGUMENT);
  expect("no stream", ecg2lab_stream_restore(NULL, "x", 1), ECG2LAB_ERROR_ARGUMENT);
  expect("no stream", ecg2lab_stream_next_within(NULL, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  ecg2lab_bytes_free(NULL);
  if (ecg2lab_stream_open(model, &format, NULL, NULL, &stream) != ECG2LAB_OK) exit(2);
  format.sampling_rate_hz = 250;
  if (ecg2lab_stream_open(model, &format, NULL, NULL, &other) != ECG2LAB_OK) exit(2);
  expect("no state", ecg2lab_stream_save(stream, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no state", ecg2lab_stream_restore(stream, NULL, 0), ECG2LAB_ERROR_ARGUMENT);
  expect("nothing", ecg2lab_stream_restore(stream, "", 0), ECG2LAB_ERROR_ARGUMENT);
  expect("text", ecg2lab_stream_restore(stream, "a text", 6), ECG2LAB_ERROR_ARGUMENT);
  expect("push", ecg2lab_stream_push(stream, samples, SAMPLES), ECG2LAB_OK);
  expect("save", ecg2lab_stream_save(stream, &state), ECG2LAB_OK);
  expect("half", ecg2lab_stream_restore(stream, state->data, state->size / 2), ECG2LAB_ERROR_ARGUMENT);
  expect("other", ecg2lab_stream_restore(other, state->data, state->size), ECG2LAB_ERROR_ARGUMENT);
  expect("same", ecg2lab_stream_restore(stream, state->data, state->size), ECG2LAB_OK);
  ecg2lab_bytes_free(state);
  ecg2lab_stream_free(stream);
  ecg2lab_stream_free(other);
}

static void memory(void) {
  static const char text[] = "no bundle";
  ecg2lab_model* loaded = NULL;
  size_t count = 9;
  expect("no content", ecg2lab_load_memory(NULL, 0, NULL, NULL, &loaded), ECG2LAB_ERROR_ARGUMENT);
  expect("no model to load into", ecg2lab_load_memory(text, 9, NULL, NULL, NULL), ECG2LAB_ERROR_ARGUMENT);
  expect("no bundle", ecg2lab_load_memory(text, 9, NULL, NULL, &loaded), ECG2LAB_ERROR_BUNDLE);
  expect("nothing", ecg2lab_load_memory(text, 0, "name", NULL, &loaded), ECG2LAB_ERROR_BUNDLE);
  if (loaded != NULL) ++wrong;
  if (ecg2lab_codes(-1, &count) != NULL || count != 0) ++wrong;
  if (ecg2lab_messages(NULL) == NULL || ecg2lab_last_messages(NULL) == NULL) ++wrong;
}

int main(int argc, char** argv) {
  ecg2lab_model* model = NULL;
  size_t i;
  if (argc != 3) return 2;
  for (i = 0; i < LEADS * SAMPLES; ++i) {
    samples[i] = sin(0.015 * (double)(i % SAMPLES) + (double)(i / SAMPLES));
  }
  for (i = 0; i < SAMPLES; ++i) { /* limb leads follow from I and II, or they would be refused */
    const double one = samples[i], two = samples[SAMPLES + i];
    samples[2 * SAMPLES + i] = two - one;
    samples[3 * SAMPLES + i] = -(one + two) / 2;
    samples[4 * SAMPLES + i] = one - two / 2;
    samples[5 * SAMPLES + i] = two - one / 2;
  }
  if (ecg2lab_load(argv[1], NULL, &model) != ECG2LAB_OK) {
    fprintf(stderr, "%s\n", ecg2lab_last_error());
    return 1;
  }
  null_pointers(argv[1], model);
  struct_sizes(model);
  recordings(model);
  sample_values(model);
  patients(model);
  streams(model);
  calls(model);
  states(model);
  memory();
  halves(argv[1]);
  odd_options(argv[1]);
  bundles(argv[1], argv[2]);
  ecg2lab_free(model);
  printf("%d wrong answers\n", wrong);
  return wrong == 0 ? 0 : 1;
}
