/* What an ECG cart does to run the network on its GPU: ecg2lab prepares and decides, ONNX Runtime computes in between.
 *
 *   cc -std=c99 cart_gpu.c $(pkg-config --cflags --libs ecg2lab) -I onnxruntime -ldl -o cart_gpu
 *   ./cart_gpu model.ecg2lab libonnxruntime.so ecg.i16 63 CUDAExecutionProvider
 *
 * libonnxruntime.so is that of the release archive, or of a wheel (onnxruntime/capi/libonnxruntime.so.1.32.0). It is
 * opened while the program runs, so that a cart without it can still call ecg2lab_predict. `-I onnxruntime` is for a
 * wheel, which has no header: with an archive, name the archive's `include` instead.
 *
 * ecg.i16 is what acquisition boards deliver: 12 leads at 500 Hz in microvolt, 16 bits each, one sample of every lead
 * after another. 63 is the patient's age. Without a provider the CPU computes, in one thread. What is printed is the
 * answer, or the refusal, as one line of JSON.
 *
 * For POSIX; on Windows it would be LoadLibraryW and GetProcAddress.
 *
 * Exit status: 0 answered, 1 refused or failed, 2 misused.
 */
#define _POSIX_C_SOURCE 200112L /* for dlopen and setenv */
#include <dlfcn.h>
#include <ecg2lab.h>
#include <onnxruntime_c_api.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { LEADS = 12, MOST_SAMPLES = 500 * 60, INPUTS = 3, MOST_OUTPUTS = 2 };

/* ---- ONNX Runtime ---- */

typedef struct runtime {
  const OrtApi* api;
  OrtEnv* env;
  OrtSession* session;
  OrtMemoryInfo* memory;
  char name[128];     /* with version and provider */
  const char* device; /* NULL: not known to this program */
} runtime;

/* Whether a call did; if not, why is said. */
static int did(const OrtApi* api, OrtStatus* status) {
  if (status == NULL) return 1;
  fprintf(stderr, "ONNX Runtime: %s\n", api->GetErrorMessage(status));
  api->ReleaseStatus(status);
  return 0;
}

static int open_library(runtime* r, const char* path, const char* provider) {
  const OrtApiBase* (*get_base)(void);
  void* library = dlopen(path, RTLD_NOW | RTLD_LOCAL); /* until the program ends */
  void* symbol = library != NULL ? dlsym(library, "OrtGetApiBase") : NULL;
  if (symbol == NULL) {
    fprintf(stderr, "%s\n", dlerror());
    return 0;
  }
  memcpy(&get_base, &symbol, sizeof get_base); /* C has no cast from one to the other */
  snprintf(r->name, sizeof r->name, "ONNX Runtime %s, %s", get_base()->GetVersionString(), provider);
  r->api = get_base()->GetApi(ORT_API_VERSION);
  if (r->api == NULL) fprintf(stderr, "%s is older than its header\n", r->name);
  return r->api != NULL;
}

/* The CPU computes if there is no other. */
static int append_provider(runtime* r, OrtSessionOptions* options, const char* provider) {
  static const char* const key = "use_tf32"; /* which rounds fp32 to ten bits */
  static const char* const off = "0";
  OrtCUDAProviderOptionsV2* cuda = NULL;
  int appended;
  if (strcmp(provider, "CPUExecutionProvider") == 0) {
    r->device = "cpu";
    return 1;
  }
  if (strcmp(provider, "CUDAExecutionProvider") != 0) {
    return did(r->api, r->api->SessionOptionsAppendExecutionProvider(options, provider, NULL, NULL, 0));
  }
  r->device = "cuda:0";
  appended = did(r->api, r->api->CreateCUDAProviderOptions(&cuda)) &&
             did(r->api, r->api->UpdateCUDAProviderOptions(cuda, &key, &off, 1)) &&
             did(r->api, r->api->SessionOptionsAppendExecutionProvider_CUDA_V2(options, cuda));
  if (cuda != NULL) r->api->ReleaseCUDAProviderOptions(cuda);
  return appended;
}

static int open_session(runtime* r, const ecg2lab_graph* graph, const char* provider) {
  OrtSessionOptions* options = NULL;
  const int opened =
      did(r->api, r->api->CreateEnv(ORT_LOGGING_LEVEL_ERROR, "cart", &r->env)) &&
      did(r->api, r->api->CreateSessionOptions(&options)) && did(r->api, r->api->SetIntraOpNumThreads(options, 1)) &&
      append_provider(r, options, provider) &&
      did(r->api, r->api->CreateSessionFromArray(r->env, graph->content, graph->content_size, options, &r->session)) &&
      did(r->api, r->api->CreateCpuMemoryInfo(OrtDeviceAllocator, OrtMemTypeDefault, &r->memory));
  if (options != NULL) r->api->ReleaseSessionOptions(options);
  return opened;
}

static void close_runtime(runtime* r) {
  if (r->memory != NULL) r->api->ReleaseMemoryInfo(r->memory);
  if (r->session != NULL) r->api->ReleaseSession(r->session);
  if (r->env != NULL) r->api->ReleaseEnv(r->env);
}

static int make_input(const runtime* r, const void* data, ONNXTensorElementDataType type, const int64_t* shape,
                      size_t rank, OrtValue** value) {
  size_t bytes = type == ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64 ? sizeof(int64_t) : sizeof(float), i;
  for (i = 0; i < rank; ++i) bytes *= (size_t)shape[i];
  /* The call takes no const data, but inputs are only read. */
  return did(r->api, r->api->CreateTensorWithDataAsOrtValue(r->memory, (void*)data, bytes, shape, rank, type, value));
}

/* All windows at once. `values` are inputs, then outputs, to which `output` then points; the caller releases them. */
static int run(const runtime* r, const ecg2lab_graph* graph, const ecg2lab_prepared* prepared, OrtValue** values,
               ecg2lab_output* output) {
  const size_t windows = prepared->window_count, outputs = graph->features != NULL ? 2 : 1;
  const int64_t signal[] = {(int64_t)windows, (int64_t)graph->lead_count, (int64_t)graph->window_samples};
  const int64_t continuous[] = {(int64_t)windows, (int64_t)graph->continuous_count};
  const int64_t categorical[] = {(int64_t)windows, (int64_t)graph->categorical_count};
  const char* const input_names[INPUTS] = {graph->signal, graph->continuous, graph->categorical};
  const char* const output_names[MOST_OUTPUTS] = {graph->logits, graph->features};
  void* numbers[MOST_OUTPUTS] = {NULL, NULL};
  size_t i;
  if (!make_input(r, prepared->signal, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, signal, 3, &values[0]) ||
      !make_input(r, prepared->continuous, ONNX_TENSOR_ELEMENT_DATA_TYPE_FLOAT, continuous, 2, &values[1]) ||
      !make_input(r, prepared->categorical, ONNX_TENSOR_ELEMENT_DATA_TYPE_INT64, categorical, 2, &values[2]) ||
      !did(r->api, r->api->Run(r->session, NULL, input_names, (const OrtValue* const*)values, INPUTS, output_names,
                               outputs, values + INPUTS))) {
    return 0;
  }
  for (i = 0; i < outputs; ++i) {
    if (!did(r->api, r->api->GetTensorMutableData(values[INPUTS + i], &numbers[i]))) return 0;
  }
  output->logits = numbers[0];
  output->logit_count = windows * graph->logit_count;
  output->features = numbers[1];
  output->feature_count = windows * graph->feature_count;
  output->provider = r->name;
  output->device = r->device;
  output->threads = 1;
  return 1;
}

/* ---- The answer ---- */

static int answer(const ecg2lab_model* model, const runtime* r, const ecg2lab_recording* recording,
                  const ecg2lab_patient* patient) {
  OrtValue* values[INPUTS + MOST_OUTPUTS] = {NULL};
  ecg2lab_prepared* prepared = NULL;
  ecg2lab_result* result = NULL;
  ecg2lab_output output;
  size_t i;
  ecg2lab_status status;
  ecg2lab_output_init(&output, sizeof output);
  status = ecg2lab_prepare(model, recording, patient, &prepared);
  if (status != ECG2LAB_OK || run(r, ecg2lab_window_graph(model), prepared, values, &output)) {
    if (prepared != NULL) status = ecg2lab_decide(prepared, &output, &result); /* of a refusal: why, lead by lead */
    if (status != ECG2LAB_OK) fprintf(stderr, "%s: %s\n", ecg2lab_status_name(status), ecg2lab_last_error());
  }
  if (result != NULL) puts(ecg2lab_result_json(result));
  status = result != NULL ? (ecg2lab_status)result->status : ECG2LAB_ERROR_BACKEND;
  ecg2lab_result_free(result);
  for (i = 0; i < INPUTS + MOST_OUTPUTS; ++i) {
    if (values[i] != NULL) r->api->ReleaseValue(values[i]);
  }
  ecg2lab_prepared_free(prepared);
  return status == ECG2LAB_OK ? 0 : 1;
}

static int ask(const ecg2lab_model* model, const char* library, const int16_t* samples, size_t count, double age,
               const char* provider) {
  static const char* const leads[] = {"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"};
  ecg2lab_recording recording;
  ecg2lab_patient patient;
  runtime r = {NULL, NULL, NULL, NULL, "", NULL};
  int exit_status = 1;
  ecg2lab_recording_init(&recording, sizeof recording);
  recording.samples = samples;
  recording.sample_type = ECG2LAB_INT16;
  recording.unit = ECG2LAB_MICROVOLT;
  recording.leads = leads;
  recording.lead_count = LEADS;
  recording.sample_count = count;
  recording.sampling_rate_hz = 500;
  recording.lead_stride = 1;
  recording.sample_stride = LEADS;
  ecg2lab_patient_init(&patient, sizeof patient);
  patient.age = age;
  if (open_library(&r, library, provider) && open_session(&r, ecg2lab_window_graph(model), provider)) {
    exit_status = answer(model, &r, &recording, &patient);
  }
  close_runtime(&r);
  return exit_status;
}

int main(int argc, char** argv) {
  static int16_t samples[MOST_SAMPLES * LEADS];
  ecg2lab_model* model = NULL;
  size_t count;
  int exit_status;
  FILE* file;
  setenv("ORT_DISABLE_TELEMETRY", "1", 0); /* since 1.32 it leaves files in the user's home */
  if (argc != 5 && argc != 6) {
    fprintf(stderr, "usage: %s MODEL LIBONNXRUNTIME ECG.i16 AGE [PROVIDER]\n", argc > 0 ? argv[0] : "cart_gpu");
    return 2;
  }
  file = fopen(argv[3], "rb");
  if (file == NULL) {
    fprintf(stderr, "cannot read %s\n", argv[3]);
    return 2;
  }
  count = fread(samples, sizeof *samples * LEADS, MOST_SAMPLES, file);
  fclose(file);
  if (ecg2lab_load_without_engine(argv[1], NULL, &model) != ECG2LAB_OK) {
    fprintf(stderr, "%s\n", ecg2lab_last_error());
    return 1;
  }
  exit_status = ask(model, argv[2], samples, count, atof(argv[4]), argc == 6 ? argv[5] : "CPUExecutionProvider");
  ecg2lab_free(model);
  return exit_status;
}
