// The calls of include/ecg2lab.h.
#include "ecg2lab.h"

#include <atomic>
#include <chrono>
#include <optional>

#include "c/codes.h"
#include "c/inputs.h"
#include "c/loaded_model.h"
#include "c/opened_stream.h"
#include "c/prepared.h"
#include "c/result.h"
#include "c/said.h"
#include "c/selftest_report.h"
#include "c/status.h"
#include "c/structs.h"

struct ecg2lab_cancel {
  std::atomic<bool> set{false};
};

namespace {

using namespace ecg2lab::c;

// What a caller frees.
struct Bytes : ecg2lab_bytes {
  explicit Bytes(std::string bytes) : ecg2lab_bytes{}, content(std::move(bytes)) {
    struct_size = sizeof(ecg2lab_bytes);
    data = content.data(), size = content.size();
  }
  std::string content;
};

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
  if (answer.refused) loaded.log(ECG2LAB_LOG_WARNING, "refused: " + joined(answer.refused->messages));
}

// A result or a prepared recording to the caller; a refusal is one.
template <typename Owned, typename Seen>
ecg2lab_status hand_over(std::unique_ptr<Owned> owned, Seen** seen) {
  const auto status = static_cast<ecg2lab_status>(owned->status);
  if (status != ECG2LAB_OK) fail(status, owned->message, owned->parts());
  *seen = owned.release();
  return status;
}

ecg2lab_status hand_over(const std::shared_ptr<const LoadedModel>& loaded, ecg2lab::Answer answer, SourceFields source,
                         ecg2lab_result** result) {
  log_refusal(*loaded, answer);
  return hand_over(std::make_unique<Result>(loaded->description(), std::move(answer), std::move(source)), result);
}

// `open` gives the bundle.
template <typename Open>
ecg2lab_status load(const Open& open, const ecg2lab_options* options, ecg2lab::Runner runner, ecg2lab_model** model) {
  return guarded([&] {
    require(model, "model") = nullptr;
    const ecg2lab_options fields = options == nullptr ? Versioned<ecg2lab_options>::defaults() : read(options);
    ecg2lab::ModelOptions chosen = to_options(fields);
    chosen.runner = runner;
    auto loaded = std::make_shared<const LoadedModel>(open(), chosen, fields.log, fields.log_user);
    *model = new ecg2lab_model{std::move(loaded)};
    return ECG2LAB_OK;
  });
}

auto from_path(const char* path) {
  return [path] { return ecg2lab::Bundle::open(std::string(&require(path, "path"))); };
}

// As a call wants to be stopped. It begins now.
ecg2lab::Interruptible interruptible(const ecg2lab_call* call) {
  const ecg2lab_call fields = call == nullptr ? Versioned<ecg2lab_call>::defaults() : read(call);
  constexpr double kLongestS = 1e9;  // the clock counts nanoseconds in 64 bits
  if (!(fields.deadline_s >= 0)) throw ArgumentError("call: deadline_s must be above 0, or 0 for none");
  using Clock = ecg2lab::Interruptible::Clock;
  std::optional<Clock::time_point> deadline;
  if (fields.deadline_s > 0 && fields.deadline_s < kLongestS) {
    deadline =
        Clock::now() + std::chrono::duration_cast<Clock::duration>(std::chrono::duration<double>(fields.deadline_s));
  }
  return {deadline, fields.cancel == nullptr ? nullptr : &fields.cancel->set};
}

// What cannot be meant is a mistake of the program.
template <typename Work>
auto meant(const char* what, Work&& work) {
  try {
    return work();
  } catch (const ArgumentError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw ArgumentError(std::string(what) + ": " + error.what());
  }
}

ecg2lab_patient read_patient(const ecg2lab_patient* patient) {
  return patient == nullptr ? Versioned<ecg2lab_patient>::defaults() : read(patient);
}

}  // namespace

extern "C" {

const char* ecg2lab_last_error(void) { return message(); }

const char* ecg2lab_version(void) { return ECG2LAB_VERSION; }

const ecg2lab_message* const* ecg2lab_messages(size_t* count) {
  if (count != nullptr) *count = all_messages().size();
  return all_messages().data();
}

const ecg2lab_message* const* ecg2lab_last_messages(size_t* count) {
  if (count != nullptr) *count = messages().size();
  return messages().data();
}

const ecg2lab_code* const* ecg2lab_codes(int32_t enumeration, size_t* count) {
  const auto codes = codes_of(enumeration);
  if (count != nullptr) *count = codes.size();
  return codes.data();
}

const char* ecg2lab_status_name(int32_t status) {
  return name_of(ECG2LAB_ENUMERATION_STATUS, status, "unknown status");
}

const char* ecg2lab_lead_verdict_name(int32_t verdict) { return name_of(ECG2LAB_ENUMERATION_LEAD_VERDICT, verdict); }

const char* ecg2lab_verdict_name(int32_t verdict) { return name_of(ECG2LAB_ENUMERATION_VERDICT, verdict); }

const char* ecg2lab_refusal_name(int32_t refusal) { return name_of(ECG2LAB_ENUMERATION_REFUSAL, refusal); }

const char* ecg2lab_quality_name(int32_t quality) { return name_of(ECG2LAB_ENUMERATION_QUALITY, quality); }

const char* ecg2lab_fault_name(int32_t code) { return name_of(ECG2LAB_ENUMERATION_FAULT, code); }

const char* ecg2lab_experience_name(int32_t experience) { return name_of(ECG2LAB_ENUMERATION_EXPERIENCE, experience); }

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

ecg2lab_status ecg2lab_call_init(ecg2lab_call* call, size_t struct_size) {
  return initialise_guarded(call, struct_size);
}

ecg2lab_status ecg2lab_explain_options_init(ecg2lab_explain_options* options, size_t struct_size) {
  return initialise_guarded(options, struct_size);
}

ecg2lab_status ecg2lab_output_init(ecg2lab_output* output, size_t struct_size) {
  return initialise_guarded(output, struct_size);
}

ecg2lab_status ecg2lab_load(const char* path, const ecg2lab_options* options, ecg2lab_model** model) {
  return load(from_path(path), options, ecg2lab::Runner::native, model);
}

ecg2lab_status ecg2lab_load_memory(const void* content, size_t size, const char* name, const ecg2lab_options* options,
                                   ecg2lab_model** model) {
  const auto open = [&] {
    const auto* const bytes = static_cast<const std::byte*>(content);
    return ecg2lab::Bundle::open({&require(bytes, "content"), size}, name == nullptr ? "memory" : name);
  };
  return load(open, options, ecg2lab::Runner::native, model);
}

ecg2lab_status ecg2lab_load_without_engine(const char* path, const ecg2lab_options* options, ecg2lab_model** model) {
  return load(from_path(path), options, ecg2lab::Runner::host, model);
}

void ecg2lab_free(ecg2lab_model* model) { delete model; }

const ecg2lab_description* ecg2lab_describe(const ecg2lab_model* model) {
  return model == nullptr ? nullptr : &model->loaded->description()->shown();
}

ecg2lab_status ecg2lab_cancel_new(ecg2lab_cancel** cancel) {
  return guarded([&] {
    require(cancel, "cancel") = nullptr;
    *cancel = new ecg2lab_cancel;
    return ECG2LAB_OK;
  });
}

void ecg2lab_cancel_set(ecg2lab_cancel* cancel) {
  if (cancel != nullptr) cancel->set.store(true);
}

void ecg2lab_cancel_clear(ecg2lab_cancel* cancel) {
  if (cancel != nullptr) cancel->set.store(false);
}

void ecg2lab_cancel_free(ecg2lab_cancel* cancel) { delete cancel; }

ecg2lab_status ecg2lab_selftest(const ecg2lab_model* model, const ecg2lab_call* call,
                                ecg2lab_selftest_report** report) {
  return guarded([&] {
    require(report, "report") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const auto stop = interruptible(call);
    return hand_over(std::make_unique<SelftestReport>(loaded->description(), ecg2lab::selftest(loaded->model())),
                     report);
  });
}

void ecg2lab_selftest_report_free(ecg2lab_selftest_report* report) { delete static_cast<SelftestReport*>(report); }

ecg2lab_status ecg2lab_judge(const ecg2lab_model* model, const ecg2lab_recording* recording, ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const ecg2lab_recording fields = read(recording);
    SourceFields source = to_source(fields);
    ecg2lab::Answer answer = loaded->model().judge(to_raw_recording(fields));
    return hand_over(std::make_unique<Result>(loaded->description(), std::move(answer), std::move(source), false),
                     result);
  });
}

ecg2lab_status ecg2lab_explain(const ecg2lab_model* model, const ecg2lab_recording* recording,
                               const ecg2lab_patient* patient, const ecg2lab_explain_options* options,
                               const ecg2lab_call* call, ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const ecg2lab_recording fields = read(recording);
    SourceFields source = to_source(fields);
    const auto chosen = options == nullptr ? Versioned<ecg2lab_explain_options>::defaults() : read(options);
    const auto targets = to_targets(chosen, loaded->model().contract());
    const auto stop = interruptible(call);
    ecg2lab::Answer answer = meant("explain", [&] {
      return loaded->model().explain(to_raw_recording(fields), to_patient(read_patient(patient)), targets,
                                     chosen.segment_s);
    });
    return hand_over(loaded, std::move(answer), std::move(source), result);
  });
}

ecg2lab_status ecg2lab_predict(const ecg2lab_model* model, const ecg2lab_recording* recording,
                               const ecg2lab_patient* patient, ecg2lab_result** result) {
  return ecg2lab_predict_within(model, recording, patient, nullptr, result);
}

ecg2lab_status ecg2lab_predict_within(const ecg2lab_model* model, const ecg2lab_recording* recording,
                                      const ecg2lab_patient* patient, const ecg2lab_call* call,
                                      ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    const auto& loaded = require(model, "model").loaded;
    const auto stop = interruptible(call);
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

ecg2lab_status ecg2lab_hl7_init(ecg2lab_hl7* fields, size_t struct_size) {
  return initialise_guarded(fields, struct_size);
}

ecg2lab_status ecg2lab_result_hl7(const ecg2lab_result* result, const ecg2lab_hl7* fields, ecg2lab_bytes** message) {
  return guarded([&] {
    require(message, "message") = nullptr;
    const auto& said = static_cast<const Result&>(require(result, "result"));
    const ecg2lab::Hl7Envelope envelope =
        to_envelope(fields == nullptr ? Versioned<ecg2lab_hl7>::defaults() : read(fields));
    *message = std::make_unique<Bytes>(meant("hl7", [&] { return said.hl7(envelope); })).release();
    return ECG2LAB_OK;
  });
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
  return ecg2lab_stream_next_within(stream, nullptr, result);
}

ecg2lab_status ecg2lab_stream_next_within(ecg2lab_stream* stream, const ecg2lab_call* call, ecg2lab_result** result) {
  return guarded([&] {
    require(result, "result") = nullptr;
    ecg2lab::Stream& answering = require(stream, "stream").stream();
    const auto stop = interruptible(call);
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

void ecg2lab_bytes_free(ecg2lab_bytes* bytes) { delete static_cast<Bytes*>(bytes); }

ecg2lab_status ecg2lab_stream_save(const ecg2lab_stream* stream, ecg2lab_bytes** state) {
  return guarded([&] {
    require(state, "state") = nullptr;
    const ecg2lab::Stream& saved = require(stream, "stream").stream();
    *state = std::make_unique<Bytes>(meant("stream", [&] { return saved.save(); })).release();
    return ECG2LAB_OK;
  });
}

ecg2lab_status ecg2lab_stream_restore(ecg2lab_stream* stream, const void* state, size_t size) {
  return guarded([&] {
    ecg2lab::Stream& restored = require(stream, "stream").stream();
    const auto* const bytes = static_cast<const char*>(state);
    meant("stream", [&] { return restored.restore({&require(bytes, "state"), size}), 0; });
    return ECG2LAB_OK;
  });
}

const ecg2lab_stream_state* ecg2lab_stream_describe(ecg2lab_stream* stream) {
  if (stream == nullptr) return nullptr;
  return or_null([&] { return &stream->describe(); });
}

}  // extern "C"
