// The calls of include/ecg2lab.h.
#include "ecg2lab.h"

#include "c/inputs.h"
#include "c/loaded_model.h"
#include "c/opened_stream.h"
#include "c/prepared.h"
#include "c/result.h"
#include "c/status.h"
#include "c/structs.h"

namespace {

using namespace ecg2lab::c;

template <typename T>
ecg2lab_status initialise_guarded(T* target, std::size_t size) {
  return guarded([&] {
    initialise(target, size);
    return ECG2LAB_OK;
  });
}

template <typename T>
T& require(T* pointer, const char* name) {
  if (pointer == nullptr) throw ArgumentError(std::string(name) + " is NULL");
  return *pointer;
}

void log_refusal(const LoadedModel& loaded, const ecg2lab::Answer& answer) {
  if (answer.refused) loaded.log(ECG2LAB_LOG_WARNING, "refused: " + answer.refused->message);
}

// A result or a prepared recording to the caller; a refusal is one.
template <typename Owned, typename Seen>
ecg2lab_status hand_over(std::unique_ptr<Owned> owned, Seen** seen) {
  const auto status = static_cast<ecg2lab_status>(owned->status);
  if (status != ECG2LAB_OK) fail(status, owned->message);
  *seen = owned.release();
  return status;
}

ecg2lab_status hand_over(const std::shared_ptr<const LoadedModel>& loaded, ecg2lab::Answer answer, SourceFields source,
                         ecg2lab_result** result) {
  log_refusal(*loaded, answer);
  return hand_over(std::make_unique<Result>(loaded->description(), std::move(answer), std::move(source)), result);
}

ecg2lab_status load(const char* path, const ecg2lab_options* options, ecg2lab::Runner runner, ecg2lab_model** model) {
  return guarded([&] {
    require(model, "model") = nullptr;
    require(path, "path");
    const ecg2lab_options fields = options == nullptr ? Versioned<ecg2lab_options>::defaults() : read(options);
    ecg2lab::ModelOptions chosen = to_options(fields);
    chosen.runner = runner;
    auto loaded = std::make_shared<const LoadedModel>(path, chosen, fields.log, fields.log_user);
    *model = new ecg2lab_model{std::move(loaded)};
    return ECG2LAB_OK;
  });
}

ecg2lab_patient read_patient(const ecg2lab_patient* patient) {
  return patient == nullptr ? Versioned<ecg2lab_patient>::defaults() : read(patient);
}

}  // namespace

extern "C" {

const char* ecg2lab_last_error(void) { return message(); }

const char* ecg2lab_version(void) { return ECG2LAB_VERSION; }

int32_t ecg2lab_abi_version(void) { return ECG2LAB_ABI_VERSION; }

ecg2lab_status ecg2lab_options_init(ecg2lab_options* options, size_t struct_size) {
  return initialise_guarded(options, struct_size);
}

ecg2lab_status ecg2lab_recording_init(ecg2lab_recording* recording, size_t struct_size) {
  return initialise_guarded(recording, struct_size);
}

ecg2lab_status ecg2lab_patient_init(ecg2lab_patient* patient, size_t struct_size) {
  return initialise_guarded(patient, struct_size);
}

ecg2lab_status ecg2lab_stream_options_init(ecg2lab_stream_options* options, size_t struct_size) {
  return initialise_guarded(options, struct_size);
}

ecg2lab_status ecg2lab_output_init(ecg2lab_output* output, size_t struct_size) {
  return initialise_guarded(output, struct_size);
}

ecg2lab_status ecg2lab_load(const char* path, const ecg2lab_options* options, ecg2lab_model** model) {
  return load(path, options, ecg2lab::Runner::native, model);
}

ecg2lab_status ecg2lab_load_without_engine(const char* path, const ecg2lab_options* options, ecg2lab_model** model) {
  return load(path, options, ecg2lab::Runner::host, model);
}

void ecg2lab_free(ecg2lab_model* model) { delete model; }

const ecg2lab_description* ecg2lab_describe(const ecg2lab_model* model) {
  return model == nullptr ? nullptr : &model->loaded->description()->shown();
}

ecg2lab_status ecg2lab_predict(const ecg2lab_model* model, const ecg2lab_recording* recording,
                               const ecg2lab_patient* patient, ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const ecg2lab_recording fields = read(recording);
    SourceFields source = to_source(fields);
    ecg2lab::Answer answer = loaded->model().predict(to_raw_recording(fields), to_patient(read_patient(patient)));
    return hand_over(loaded, std::move(answer), std::move(source), result);
  });
}

void ecg2lab_result_free(ecg2lab_result* result) { delete static_cast<Result*>(result); }

const char* ecg2lab_result_json(const ecg2lab_result* result) {
  if (result == nullptr) return nullptr;
  return or_null([&] { return static_cast<const Result&>(*result).json(); });
}

const ecg2lab_graph* ecg2lab_window_graph(const ecg2lab_model* model) {
  return model == nullptr ? nullptr : &model->loaded->window_graph();
}

ecg2lab_status ecg2lab_prepare(const ecg2lab_model* model, const ecg2lab_recording* recording,
                               const ecg2lab_patient* patient, ecg2lab_prepared** prepared) {
  return guarded([&] {
    require(prepared, "prepared") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const ecg2lab_recording fields = read(recording);
    SourceFields source = to_source(fields);
    ecg2lab::Question question = loaded->model().prepare(to_raw_recording(fields), to_patient(read_patient(patient)));
    log_refusal(*loaded, question.so_far);
    return hand_over(std::make_unique<PreparedRecording>(*loaded, std::move(question), std::move(source)), prepared);
  });
}

void ecg2lab_prepared_free(ecg2lab_prepared* prepared) { delete static_cast<PreparedRecording*>(prepared); }

ecg2lab_status ecg2lab_decide(const ecg2lab_prepared* prepared, const ecg2lab_output* output, ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    return hand_over(static_cast<const PreparedRecording&>(require(prepared, "prepared")).decide(output), result);
  });
}

ecg2lab_status ecg2lab_stream_open(const ecg2lab_model* model, const ecg2lab_recording* format,
                                   const ecg2lab_patient* patient, const ecg2lab_stream_options* options,
                                   ecg2lab_stream** stream) {
  return guarded([&] {
    require(stream, "stream") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const auto chosen = options == nullptr ? Versioned<ecg2lab_stream_options>::defaults() : read(options);
    *stream = new ecg2lab_stream(loaded, read(format), read_patient(patient), chosen);
    return ECG2LAB_OK;
  });
}

void ecg2lab_stream_free(ecg2lab_stream* stream) { delete stream; }

ecg2lab_status ecg2lab_stream_patient(ecg2lab_stream* stream, const ecg2lab_patient* patient) {
  return guarded([&] {
    require(stream, "stream").stream().set_patient(to_patient(read_patient(patient)));
    return ECG2LAB_OK;
  });
}

ecg2lab_status ecg2lab_stream_push(ecg2lab_stream* stream, const void* samples, size_t sample_count) {
  return guarded([&] {
    require(stream, "stream").push(samples, sample_count);
    return ECG2LAB_OK;
  });
}

ecg2lab_status ecg2lab_stream_finish(ecg2lab_stream* stream) {
  return guarded([&] {
    require(stream, "stream").stream().finish();
    return ECG2LAB_OK;
  });
}

ecg2lab_status ecg2lab_stream_next(ecg2lab_stream* stream, ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    ecg2lab::Stream& answering = require(stream, "stream").stream();
    try {
      auto answer = answering.answer();
      if (!answer) return ECG2LAB_OK;
      const ecg2lab_status status = hand_over(stream->model(), std::move(*answer), stream->source(), result);
      answering.advance();
      return status;
    } catch (const ecg2lab::Error&) {  // asking again would not help
      answering.advance();
      throw;
    }
  });
}

ecg2lab_status ecg2lab_stream_reset(ecg2lab_stream* stream) {
  return guarded([&] {
    require(stream, "stream").stream().reset();
    return ECG2LAB_OK;
  });
}

const ecg2lab_stream_state* ecg2lab_stream_describe(ecg2lab_stream* stream) {
  if (stream == nullptr) return nullptr;
  return or_null([&] { return &stream->describe(); });
}

}  // extern "C"
