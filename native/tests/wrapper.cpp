// ecg2lab.hpp held to what it says: the same answer by every way of asking, refusals and errors, objects that were
// moved from, callbacks that throw, calls that are stopped, streams that are saved. Sanitizers watch. Compiles as
// C++17, 20 and
// 23. Exit status 0: all of it was so.
//
//   wrapper MODEL
#include <array>
#include <atomic>
#include <chrono>
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstring>
#include <deque>
#include <ecg2lab.hpp>
#include <fstream>
#include <iterator>
#include <limits>
#include <list>
#include <memory>
#include <optional>
#include <stdexcept>
#include <string>
#include <thread>
#include <type_traits>
#include <utility>
#include <vector>
#if __cplusplus >= 202002L
#include <algorithm>
#include <ranges>
#include <span>
#endif

namespace {

using namespace std::chrono_literals;
using ecg2lab::Cancel, ecg2lab::Error, ecg2lab::Model, ecg2lab::Options, ecg2lab::Patient, ecg2lab::Prepared,
    ecg2lab::Range, ecg2lab::Recording, ecg2lab::Result, ecg2lab::SelftestReport, ecg2lab::Stream;

// ---- What the compiler holds ----

template <class Type>
constexpr bool kMovesOnly = std::is_nothrow_move_constructible_v<Type> && std::is_nothrow_move_assignable_v<Type> &&
                            !std::is_copy_constructible_v<Type> && !std::is_copy_assignable_v<Type>;
static_assert(kMovesOnly<Model> && kMovesOnly<Stream> && kMovesOnly<Cancel>);
static_assert(kMovesOnly<Result> && kMovesOnly<Prepared> && kMovesOnly<SelftestReport>);
static_assert(std::is_copy_constructible_v<Recording> && std::is_nothrow_copy_constructible_v<Error>);

// Samples of other types, that lie apart, or that would be gone.
template <class From>
constexpr bool kTaken = std::is_constructible_v<Recording, From>;
static_assert(kTaken<std::vector<float>&> && kTaken<const std::vector<double>&> &&
              kTaken<std::array<std::int16_t, 12>&>);
static_assert(kTaken<std::int32_t (&)[12]>);
static_assert(!kTaken<std::vector<float>> && !kTaken<const std::array<float, 12>>);
static_assert(!kTaken<std::deque<float>&> && !kTaken<std::list<double>&> && !kTaken<std::vector<bool>&>);
static_assert(!kTaken<std::vector<std::uint16_t>&> && !kTaken<std::vector<char>&> && !kTaken<std::string&>);

// What would point into a temporary.
template <class Type, class = void>
constexpr bool kGivesFindings = false;
template <class Type>
constexpr bool kGivesFindings<Type, std::void_t<decltype(std::declval<Type>().findings())>> = true;
static_assert(kGivesFindings<const Result&> && !kGivesFindings<Result> && !kGivesFindings<const Result>);
template <class Type, class = void>
constexpr bool kDescribes = false;
template <class Type>
constexpr bool kDescribes<Type, std::void_t<decltype(std::declval<Type>().describe())>> = true;
static_assert(kDescribes<const Model&> && !kDescribes<Model>);
static_assert(std::is_constructible_v<ecg2lab::Call, Cancel&> && !std::is_constructible_v<ecg2lab::Call, Cancel>);

#ifdef __cpp_lib_ranges
static_assert(std::ranges::random_access_range<Range<ecg2lab_finding>> && std::ranges::view<Range<ecg2lab_finding>>);
static_assert(std::ranges::contiguous_range<ecg2lab::Texts> && std::ranges::borrowed_range<ecg2lab::Texts>);
static_assert(kTaken<std::span<const float>&>);
#endif

// ---- What is asked ----

int wrong = 0;

void require(bool condition, int line) {
  if (condition) return;
  ++wrong;
  std::printf("wrapper.cpp:%d\n", line);
}
#define REQUIRE(...) require((__VA_ARGS__), __LINE__)

// Status of what a call throws; ECG2LAB_OK: it throws nothing.
template <class Act>
std::int32_t thrown(const Act& act) {
  try {
    act();
  } catch (const Error& error) {
    REQUIRE(std::strlen(error.what()) > 0);
    return error.status();
  }
  return ECG2LAB_OK;
}

constexpr std::size_t kLeads = 12, kSamples = 2600;  // two windows of 2.5 s and a remainder, at 500 Hz

// Sines of another phase in I, II and the chest leads, in microvolt, one lead after another in the model's order.
std::vector<float> microvolt() {
  std::vector<float> samples(kLeads * kSamples);
  for (std::size_t i = 0; i < samples.size(); ++i) {
    const std::size_t lead = i / kSamples, t = i % kSamples;
    const double angle = 0.015 * static_cast<double>(t) + static_cast<double>(lead);
    samples[i] = static_cast<float>(4 * std::round(250 * std::sin(angle)));
  }
  for (std::size_t t = 0; t < kSamples; ++t) {  // limb leads follow from I and II, or they would be refused
    const float one = samples[t], two = samples[kSamples + t];
    const float limb[] = {two - one, -(one + two) / 2, one - two / 2, two - one / 2};
    for (std::size_t i = 0; i < 4; ++i) samples[(8 + i) * kSamples + t] = limb[i];
  }
  return samples;
}

// Sample after sample, in another type.
template <class Sample>
std::vector<Sample> turned(const std::vector<float>& samples) {
  std::vector<Sample> to(samples.size());
  for (std::size_t i = 0; i < samples.size(); ++i) {
    to[i % kSamples * kLeads + i / kSamples] = static_cast<Sample>(samples[i]);
  }
  return to;
}

struct Scene {
  const char* path;
  Model model = Model::load(path);
  ecg2lab::Texts leads = ecg2lab::each(model.describe().leads, model.describe().lead_count);
  std::vector<float> samples = microvolt();
  std::vector<std::int16_t> turned_samples = turned<std::int16_t>(samples);
  Patient patient = a_patient();
  Recording recording = described(Recording(samples));
  std::vector<double> expected = probabilities(model.predict(recording, patient));

  static Patient a_patient() {
    Patient patient;
    patient.age = 63;
    patient.sex = ECG2LAB_FEMALE;
    return patient;
  }

  Recording described(Recording made) const {
    return made.leads(leads).unit(ECG2LAB_MICROVOLT).sampling_rate_hz(500).source("bed", "7");
  }

  Recording without_a_lead() const { return Recording(samples.data(), samples.size() / kLeads).leads({"I"}); }

  // None of a refusal.
  static std::vector<double> probabilities(const Result& result) {
    std::vector<double> values;
    for (const ecg2lab_finding& finding : result.findings()) values.push_back(finding.probability);
    return values;
  }

  bool answers(const Model& other) const {
    return probabilities(other.predict(recording, patient).or_throw()) == expected;
  }
};

// ---- Recordings ----

void every_form_of_samples_is_the_same_recording(const Scene& scene) {
  REQUIRE(scene.expected.size() == scene.model.describe().target_count && !scene.expected.empty());
  const auto same = [&](const Recording& recording) {
    const Result result = scene.model.predict(recording, scene.patient);
    REQUIRE(result.answered() && Scene::probabilities(result) == scene.expected);
  };
  const std::vector<float>& samples = scene.samples;
  same(scene.described(Recording(samples.data(), samples.size())));
  same(scene.described(Recording(scene.turned_samples)).sample_after_sample());
  const auto doubles = turned<double>(samples);
  same(scene.described(Recording(doubles)).strides(1, kLeads, kSamples));
  auto integers = turned<std::int32_t>(samples);
  same(scene.described(Recording(integers)).sample_after_sample().missing_code(-32768));
  same(scene.described(Recording(integers)).sample_after_sample().adc(1000));
  same(scene.described(Recording(integers)).sample_after_sample().adc(std::vector<double>(kLeads, 1000)));
#if __cplusplus >= 202002L
  const std::span<const float> span(samples);
  same(scene.described(Recording(span)));
#endif
  integers[7 * kLeads] = -32768;  // of the first lead
  const Result gap =
      scene.model.predict(scene.described(Recording(integers)).sample_after_sample().missing_code(-32768));
  REQUIRE(gap.leads()[0].missing_samples == 1 && gap.leads()[1].missing_samples == 0);
  Recording copied(doubles);
  copied = scene.recording;
  same(copied);
  std::vector<std::string> names(scene.leads.begin(), scene.leads.end());
  same(Recording(samples).leads(names).unit(ECG2LAB_MICROVOLT).sampling_rate_hz(500));
}

void mistakes_of_the_program_are_errors(const Scene& scene) {
  const auto status = [&](const Recording& recording) { return thrown([&] { (void)scene.model.predict(recording); }); };
  const std::vector<float> none;
  const std::vector<float> odd(scene.samples.size() - 1);
  REQUIRE(status(Recording(scene.samples)) == ECG2LAB_ERROR_ARGUMENT);  // no leads
  REQUIRE(status(Recording(scene.samples).leads(scene.leads).sampling_rate_hz(500)) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(none))) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(scene.samples.data(), 0)).strides(kSamples, 1, 1)) ==
          ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(odd))) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(odd)).strides(kSamples, 1, kSamples)) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(scene.samples)).strides(kSamples, 1)) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording::format<float>())) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(scene.samples)).missing_code(0)) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(status(scene.described(Recording(scene.samples)).source(std::string("a\0b", 3), "")) ==
          ECG2LAB_ERROR_ARGUMENT);
  try {
    (void)Model::load("absent");
    REQUIRE(false);
  } catch (const std::runtime_error& error) {
    REQUIRE(std::strstr(error.what(), "there is no bundle at absent") != nullptr);
  }
  REQUIRE(thrown([&] { (void)Model::load(std::string("a\0b", 3)); }) == ECG2LAB_ERROR_ARGUMENT);
  Options options;
  options.precision = "fp7";
  REQUIRE(thrown([&] { (void)Model::load(scene.path, options); }) == ECG2LAB_ERROR_BACKEND);
  options = {};
  options.threads = 257;
  REQUIRE(thrown([&] { (void)Model::load(scene.path, options); }) != ECG2LAB_OK);
}

// What was given is not imputed, and nothing else is given by it.
void every_fact_arrives_as_itself(const Scene& scene) {
  const auto imputed = [&](const Patient& patient, const std::string& name) {
    const Result result = scene.model.predict(scene.recording, patient);
    std::size_t there = 0;
    for (const ecg2lab_imputed& input : result.imputed()) there += input.name == name ? 1 : 0;
    return std::pair(there, result.imputed().size());
  };
  const auto arrives = [&](const char* name, const auto& give) {
    Patient patient;
    const auto before = imputed(patient, name);
    give(patient);
    REQUIRE(before.first == 1 && imputed(patient, name) == std::pair(before.first - 1, before.second - 1));
  };
  constexpr std::pair<const char*, std::optional<double> Patient::*> kNumbers[] = {
      {"age", &Patient::age},
      {"respiratory_per_min", &Patient::respiratory_per_min},
      {"spo2_percent", &Patient::spo2_percent},
      {"diastolic_mmhg", &Patient::diastolic_mmhg},
      {"systolic_mmhg", &Patient::systolic_mmhg},
      {"heart_rate_bpm", &Patient::heart_rate_bpm},
      {"temperature_f", &Patient::temperature_f},
      {"height_cm", &Patient::height_cm},
      {"weight_kg", &Patient::weight_kg},
      {"bmi", &Patient::bmi}};
  for (const auto& number : kNumbers) {
    arrives(number.first, [&](Patient& patient) { patient.*number.second = 90; });
  }
  arrives("temperature_f", [](Patient& patient) { patient.temperature_c = 37; });
  arrives("sex", [](Patient& patient) { patient.sex = ECG2LAB_MALE; });
  arrives("race", [](Patient& patient) { patient.race = ECG2LAB_OTHER; });
}

// ---- Answers ----

void a_result_shows_what_its_struct_has(const Scene& scene) {
  const Result result = scene.model.predict(scene.recording, scene.patient);
  REQUIRE(!result.refused() && result->status == ECG2LAB_OK && std::strlen(result->notice) > 0);
  REQUIRE(result.leads().size() == kLeads && std::string(result.leads()[0].name) == scene.leads[0]);
  REQUIRE(&result.leads()[0] == result->leads[0] && &*result.findings().begin() == result->findings[0]);
  REQUIRE(!result.imputed().empty() && result.explanations().empty() && result.messages().empty());
  REQUIRE(std::string(result.source()[0].value) == "7");
  REQUIRE(result.quality() == result->quality && result.refusal() == ECG2LAB_REFUSAL_NONE);
  REQUIRE(std::string(result.json()).find("\"findings\"") != std::string::npos);
  for (const ecg2lab_finding& finding : result.findings()) REQUIRE(ecg2lab::verdict(finding) == finding.verdict);
  const auto findings = result.findings();
  REQUIRE(findings.end() - findings.begin() == static_cast<std::ptrdiff_t>(findings.size()));
  REQUIRE(&findings.begin()[1] == &*(1 + findings.begin()) && findings.begin() < findings.end());
#ifdef __cpp_lib_ranges
  const auto likely = [](const ecg2lab_finding& finding) { return finding.probability >= 0; };
  REQUIRE(std::ranges::distance(result.findings() | std::views::filter(likely)) == std::ssize(findings));
#endif
}

void a_refusal_is_a_result(const Scene& scene) {
  const auto lead = scene.without_a_lead().unit(ECG2LAB_MICROVOLT).sampling_rate_hz(500);
  const Result refused = scene.model.predict(lead);
  REQUIRE(refused.refused() && !refused.answered() && refused.findings().empty());
  REQUIRE(refused->status == ECG2LAB_ERROR_RECORDING && refused.refusal() == ECG2LAB_REFUSAL_MISSING_LEADS);
  REQUIRE(!refused.messages().empty() && refused.leads().size() == kLeads);
  try {
    (void)scene.model.predict(lead).or_throw();
    REQUIRE(false);
  } catch (const Error& error) {
    const Error copied = error;  // NOLINT(performance-unnecessary-copy-initialization)
    REQUIRE(copied.refused() && copied.status() == refused->status && copied.refusal() == refused->refusal);
    REQUIRE(std::string(copied.what()) == refused->message);
    REQUIRE(copied.messages().size() == refused.messages().size());
    REQUIRE(copied.messages()[0].code == refused.messages()[0].code);
    REQUIRE(copied.messages()[0].parameters.size() == refused.messages()[0].parameter_count);
  }
  Patient young;
  young.age = 3;
  REQUIRE(scene.model.predict(scene.recording, young)->status == ECG2LAB_ERROR_PATIENT);
  REQUIRE(std::string(refused.json()).find('\n') == std::string::npos);
}

void an_answer_is_a_message_of_hl7(const Scene& scene) {
  const Result result = scene.model.predict(scene.recording, scene.patient);
  ecg2lab::Hl7 known;
  known.patient_id = "7|8", known.control_id = "A1", known.abnormal_flag = "";
  const std::string message = result.hl7(known);
  REQUIRE(message.rfind("MSH|^~\\&|ecg2lab|", 0) == 0 && message.find("|A1|P|2.5.1|") != std::string::npos);
  REQUIRE(message.find("\rPID|1||7\\F\\8^") != std::string::npos && message.find("|A|") == std::string::npos);
  REQUIRE(result.hl7() == result.hl7() && result.hl7().find("\rPID|") == std::string::npos);
  known.document = "PDF", known.document_size = 3;
  REQUIRE(result.hl7(known).find("^AP^PDF^Base64^UERG|") != std::string::npos);
  known.control_id = std::string(21, 'x');
  REQUIRE(thrown([&] { (void)result.hl7(known); }) == ECG2LAB_ERROR_ARGUMENT);
  const Result judged = scene.model.judge(scene.recording);
  REQUIRE(thrown([&] { (void)judged.hl7(); }) == ECG2LAB_ERROR_ARGUMENT);
}

void quality_alone_has_no_findings(const Scene& scene) {
  const Result judged = scene.model.judge(scene.recording);
  REQUIRE(judged.answered() && judged.findings().empty() && judged.leads().size() == kLeads);
  REQUIRE(judged.quality() == scene.model.predict(scene.recording).quality());
  const std::vector<float> flat(scene.samples.size());
  const Result refused = scene.model.judge(scene.described(Recording(flat)));
  REQUIRE(refused.refused() && refused->status == ECG2LAB_ERROR_QUALITY && !refused.faults().empty());
}

void an_explanation_is_of_the_answer(const Scene& scene) {
  const std::string name = scene.model.describe().targets[0]->name;
  ecg2lab::ExplainOptions options;
  options.targets = {name};
  options.segment = 500ms;
  const Result result = scene.model.explain(scene.recording, scene.patient, options);
  REQUIRE(Scene::probabilities(result) == scene.expected);
  REQUIRE(result.explanations().size() == 1);
  const ecg2lab_explanation& explanation = result.explanations()[0];
  REQUIRE(explanation.target->name == name);
  REQUIRE(ecg2lab::each(explanation.leads, explanation.lead_count).size() == kLeads);
  REQUIRE(ecg2lab::each(explanation.segments, explanation.segment_count).size() == 10);
  options.targets = {"phlogiston"};
  REQUIRE(thrown([&] { (void)scene.model.explain(scene.recording, {}, options); }) == ECG2LAB_ERROR_ARGUMENT);
}

void the_device_computes_the_model_right(const Scene& scene) {
  const SelftestReport report = scene.model.selftest();
  REQUIRE(report.passed() && !report.checks().empty() && report.checks()[0].passed == 1);
  REQUIRE(thrown([&] { (void)scene.model.selftest(-1s); }) == ECG2LAB_ERROR_DEADLINE);
}

void two_halves_take_the_programs_numbers(const Scene& scene) {
  const Model model = Model::load_without_engine(scene.path);
  REQUIRE(thrown([&] { (void)model.predict(scene.recording); }) == ECG2LAB_ERROR_BACKEND);
  const ecg2lab_graph& graph = model.window_graph();
  const Prepared prepared = model.prepare(scene.recording, scene.patient);
  REQUIRE(!prepared.refused() && prepared->window_count == 2 && prepared.leads().size() == kLeads);
  const std::vector<float> logits(prepared->window_count * graph.logit_count);
  const std::vector<float> features(prepared->window_count * graph.feature_count);
  ecg2lab::Output output;
  output.logits = logits.data();
  output.logit_count = logits.size();
  output.features = features.data();
  output.feature_count = features.size();
  output.provider = "zeros";
  const Result decided = prepared.decide(output);
  REQUIRE(decided.findings().size() == graph.logit_count);
  REQUIRE(std::string(decided.json()).find("\"zeros\"") != std::string::npos);
  output.logit_count = 0;
  REQUIRE(thrown([&] { (void)prepared.decide(output); }) == ECG2LAB_ERROR_ARGUMENT);
  const Prepared refused = model.prepare(scene.without_a_lead().unit(ECG2LAB_VOLT).sampling_rate_hz(500));
  REQUIRE(refused.refused() && refused.decide()->status == refused->status && !refused.messages().empty());
}

// ---- Models ----

void a_bundle_in_memory_is_the_same_model(const Scene& scene) {
  std::ifstream file(scene.path, std::ios::binary);
  std::vector<char> content{std::istreambuf_iterator<char>(file), std::istreambuf_iterator<char>()};
  Model model = Model::load_memory(content);
  const Model named = Model::load_memory(content.data(), content.size(), "resource 7");
  content[content.size() / 2] ^= 1;
  REQUIRE(scene.answers(model) && scene.answers(named));
  REQUIRE(std::string(model.describe().bundle_digest) == scene.model.describe().bundle_digest);
  try {
    model = Model::load_memory(content, "resource 8");
    REQUIRE(false);
  } catch (const Error& error) {
    REQUIRE(error.status() == ECG2LAB_ERROR_BUNDLE && std::strstr(error.what(), "resource 8") != nullptr);
  }
  REQUIRE(scene.answers(model));
  content.clear();
  REQUIRE(thrown([&] { (void)Model::load_memory(content); }) != ECG2LAB_OK);
}

// Assigns an object to itself, unseen by the compiler.
template <class Type>
void move_to_itself(Type& object) {
  Type& same = object;
  object = std::move(same);
}

// The other half of a move; NOLINT: what was moved from is used on purpose.
void what_was_moved_from_refuses(const Scene& scene) {
  const auto refuses = [](const auto& act) { return thrown(act) == ECG2LAB_ERROR_ARGUMENT; };
  Model first = Model::load(scene.path);
  move_to_itself(first);
  Model model = std::move(first);
  REQUIRE(scene.answers(model));
  REQUIRE(refuses([&] { (void)first.predict(scene.recording); }));  // NOLINT(bugprone-use-after-move)
  REQUIRE(refuses([&] { (void)first.judge(scene.recording); }));
  REQUIRE(refuses([&] { (void)first.explain(scene.recording); }));
  REQUIRE(refuses([&] { (void)first.prepare(scene.recording); }));
  REQUIRE(refuses([&] { (void)first.selftest(); }));
  REQUIRE(refuses([&] { (void)first.describe(); }));
  REQUIRE(refuses([&] { (void)first.window_graph(); }));
  REQUIRE(refuses([&] { (void)Stream::open(first, scene.described(Recording::format<float>())); }));
  first = std::move(model);
  REQUIRE(scene.answers(first));
  first = Model::load(scene.path);  // frees the former

  Result result = first.predict(scene.recording, scene.patient);
  const ecg2lab_finding* finding = result->findings[0];
  move_to_itself(result);
  const Result kept = std::move(result);
  REQUIRE(&kept.findings()[0] == finding);
  REQUIRE(refuses([&] { (void)result->status; }));  // NOLINT(bugprone-use-after-move)
  REQUIRE(refuses([&] { (void)result.findings(); }));
  REQUIRE(refuses([&] { (void)result.json(); }));
  REQUIRE(refuses([&] { (void)result.or_throw(); }));

  Stream stream = Stream::open(first, scene.described(Recording::format<float>()));
  move_to_itself(stream);
  stream.push(scene.samples);
  Stream other = std::move(stream);
  REQUIRE(other.next().has_value());
  REQUIRE(refuses([&] { stream.push(scene.samples); }));  // NOLINT(bugprone-use-after-move)
  REQUIRE(refuses([&] { (void)stream.next(); }));
  REQUIRE(refuses([&] { (void)stream.save(); }));
  REQUIRE(refuses([&] { (void)stream.describe(); }));
  REQUIRE(refuses([&] { stream.finish(); }));
  REQUIRE(refuses([&] { stream.reset(); }));
  REQUIRE(refuses([&] { stream.set_patient({}); }));

  Prepared prepared = first.prepare(scene.recording);
  const Prepared moved = std::move(prepared);
  REQUIRE(moved->window_count == 2);
  REQUIRE(refuses([&] { (void)prepared.decide(); }));  // NOLINT(bugprone-use-after-move)

  Cancel cancel;
  const ecg2lab::Call call(cancel);
  const Cancel taken = std::move(cancel);
  cancel.set();  // NOLINT(bugprone-use-after-move)
  cancel.clear();
  REQUIRE(refuses([&] { (void)first.predict(scene.recording, {}, call); }));
  REQUIRE(first.predict(scene.recording, {}, taken).answered());
}

void a_result_and_a_stream_outlive_their_model(const Scene& scene) {
  auto lines = std::make_shared<std::atomic<int>>(0);
  Options options;
  options.log = [lines](std::int32_t, std::string_view) { ++*lines; };
  auto model = std::make_unique<Model>(Model::load(scene.path, options));
  options = {};
  const Result result = model->predict(scene.recording, scene.patient);
  Stream stream = Stream::open(*model, scene.described(Recording::format<float>()), scene.patient);
  const Prepared prepared = model->prepare(scene.recording, scene.patient);
  model.reset();
  REQUIRE(lines.use_count() == 2 && *lines == 1);  // loaded
  REQUIRE(Scene::probabilities(result) == scene.expected);
  const std::vector<float> flat(kLeads * 1250);
  stream.push(flat);
  stream.finish();
  const auto refused = stream.next();
  REQUIRE(refused && refused->refused() && *lines == 2);
  {
    const Stream ended = std::move(stream);
  }
  REQUIRE(lines.use_count() == 2 && prepared->window_count == 2);
}

void what_a_log_throws_is_dropped(const Scene& scene) {
  std::atomic<int> lines{0};
  Options options;
  options.log = [&](std::int32_t level, std::string_view message) {
    ++lines;
    REQUIRE((level == ECG2LAB_LOG_INFO || level == ECG2LAB_LOG_WARNING) && !message.empty());
    throw std::runtime_error("no log");
  };
  const Model model = Model::load(scene.path, options);
  REQUIRE(scene.answers(model));
  const auto lead = scene.without_a_lead().unit(ECG2LAB_VOLT).sampling_rate_hz(500);
  REQUIRE(model.predict(lead).refused() && lines == 2);
}

void hooks_run_in_each_helper(const Scene& scene) {
  struct Count {
    std::atomic<int> begun{0}, ended{0};
    std::atomic<std::size_t> numbers{0};
  };
  const auto count = std::make_shared<Count>();
  Options options;
  options.threads = 3;
  options.thread_begin = [count](std::size_t thread) { ++count->begun, count->numbers += thread; };
  options.thread_end = [count](std::size_t) {
    ++count->ended;
    throw std::runtime_error("no end");
  };
  {
    Model model = Model::load(scene.path, options);
    REQUIRE(count->begun == 2 && count->ended == 0 && count->numbers == 3);
    REQUIRE(scene.answers(model));
    Stream stream = Stream::open(model, scene.described(Recording::format<float>()));
    model = Model::load(scene.path);
    REQUIRE(count->ended == 0);  // the stream still has them
    stream.push(scene.samples);
    REQUIRE(stream.next().has_value());
  }
  REQUIRE(count->ended == 2);

  struct NoRuntime {};
  options.thread_begin = [](std::size_t thread) {
    if (thread == 2) throw NoRuntime();  // NOLINT(bugprone-std-exception-baseclass)
  };
  bool caught = false;
  try {
    (void)Model::load(scene.path, options);
  } catch (const NoRuntime&) {
    caught = true;
  }
  REQUIRE(caught && count->ended == 4);
  options = {};
  REQUIRE(count.use_count() == 1);
}

// ---- Calls that are stopped ----

void calls_can_be_stopped(const Scene& scene) {
  const auto asked = [&](const ecg2lab::Call& call) {
    return thrown([&] { (void)scene.model.predict(scene.recording, scene.patient, call); });
  };
  REQUIRE(asked(1h) == ECG2LAB_OK && asked(std::chrono::milliseconds::max()) == ECG2LAB_OK);
  REQUIRE(asked(0s) == ECG2LAB_ERROR_DEADLINE && asked(-1ms) == ECG2LAB_ERROR_DEADLINE);
  REQUIRE(asked(std::chrono::nanoseconds::min()) == ECG2LAB_ERROR_DEADLINE);
  REQUIRE(asked(ecg2lab::Seconds(std::nan(""))) == ECG2LAB_ERROR_ARGUMENT);
  Cancel cancel;
  REQUIRE(asked(cancel) == ECG2LAB_OK && asked({1h, cancel}) == ECG2LAB_OK);
  cancel.set();
  REQUIRE(asked(cancel) == ECG2LAB_ERROR_CANCELLED && asked({1h, cancel}) == ECG2LAB_ERROR_CANCELLED);
  cancel.clear();
  REQUIRE(asked(cancel) == ECG2LAB_OK);

  std::thread other([&] {
    std::this_thread::sleep_for(2ms);
    cancel.set();
  });
  std::int32_t status = ECG2LAB_OK;
  while (status == ECG2LAB_OK) {
    status = thrown([&] { (void)scene.model.explain(scene.recording, scene.patient, {}, cancel); });
  }
  other.join();
  REQUIRE(status == ECG2LAB_ERROR_CANCELLED && scene.answers(scene.model));
}

// ---- Streams ----

std::vector<std::vector<double>> due(Stream& stream) {
  std::vector<std::vector<double>> answers;
  while (const auto result = stream.next()) answers.push_back(Scene::probabilities(*result));
  return answers;
}

void a_stream_goes_on_where_it_was_saved(const Scene& scene) {
  const Recording format = scene.described(Recording::format<std::int16_t>()).sample_after_sample();
  ecg2lab::StreamOptions options;
  options.hop = 500ms;
  const auto open = [&] { return Stream::open(scene.model, format, scene.patient, options); };
  const std::int16_t* const samples = scene.turned_samples.data();
  const std::size_t all = scene.turned_samples.size(), half = kLeads * 1500;

  Stream whole = open();
  whole.push(scene.turned_samples);
  whole.push(std::vector<std::int16_t>());
  whole.finish();
  const auto expected = due(whole);
  REQUIRE(expected.size() == 6);
  whole.reset();
  whole.push(samples, all);
  whole.finish();
  REQUIRE(due(whole) == expected);

  Stream first = open();
  first.push(samples, half);
  auto answers = due(first);
  const std::vector<std::byte> state = first.save();
  Stream second = open();
  second.restore(state);
  REQUIRE(second.describe().received_samples == 1500);
  const ecg2lab_stream_state& described = second.describe();
  REQUIRE(ecg2lab::each(described.leads, described.lead_count).size() == kLeads);
  second.push(samples + half, all - half);
  second.finish();
  for (auto& answer : due(second)) answers.push_back(std::move(answer));
  REQUIRE(answers == expected);

  const std::vector<std::byte> cut(state.begin(), state.end() - 1);
  REQUIRE(thrown([&] { first.restore(cut); }) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(thrown([&] { first.restore(nullptr, 0); }) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(first.describe().received_samples == 1500);
  options.hop = 1s;
  REQUIRE(thrown([&] { open().restore(state); }) == ECG2LAB_ERROR_ARGUMENT);
}

void a_stream_refuses_what_it_cannot_take(const Scene& scene) {
  const Recording format = scene.described(Recording::format<float>());
  const auto refused = [&](const auto& act) {
    try {
      act();
    } catch (const Error& error) {
      return error.refused();
    }
    return false;
  };
  Patient young;
  young.age = 3;
  REQUIRE(refused([&] { (void)Stream::open(scene.model, format, young); }));
  REQUIRE(refused([&] { (void)Stream::open(scene.model, Recording(format).leads({"I"})); }));
  ecg2lab::StreamOptions options;
  options.hop = 333us;
  REQUIRE(thrown([&] { (void)Stream::open(scene.model, format, {}, options); }) == ECG2LAB_ERROR_ARGUMENT);

  Stream stream = Stream::open(scene.model, format);
  REQUIRE(thrown([&] { stream.push(scene.turned_samples); }) == ECG2LAB_ERROR_ARGUMENT);  // of another type
  REQUIRE(thrown([&] { stream.push(scene.samples.data(), 13); }) == ECG2LAB_ERROR_ARGUMENT);
  REQUIRE(thrown([&] { stream.push(scene.samples.data(), kLeads, 2); }) == ECG2LAB_ERROR_ARGUMENT);
  std::vector<float> infinite(kLeads, std::numeric_limits<float>::infinity());
  REQUIRE(refused([&] { stream.push(infinite); }));
  REQUIRE(refused([&] { stream.set_patient(young); }));
  stream.set_patient(scene.patient);
  stream.push(scene.samples);
  Cancel cancel;
  cancel.set();
  REQUIRE(thrown([&] { (void)stream.next(cancel); }) == ECG2LAB_ERROR_CANCELLED);
  REQUIRE(thrown([&] { (void)stream.next(0s); }) == ECG2LAB_ERROR_DEADLINE);
  const auto answer = stream.next();
  REQUIRE(answer && answer->answered() && (*answer)->window_begin == 0);
}

void a_stream_takes_a_part_of_a_longer_buffer(const Scene& scene) {
  const Recording format = scene.described(Recording::format<float>());
  Stream packed = Stream::open(scene.model, format, scene.patient);
  packed.push(scene.samples);
  const auto expected = due(packed);
  Stream strided = Stream::open(scene.model, Recording(format).strides(kSamples, 1), scene.patient);
  const std::size_t all = scene.samples.size();
  REQUIRE(thrown([&] { strided.push(scene.samples); }) == ECG2LAB_ERROR_ARGUMENT);  // how many of each?
  REQUIRE(thrown([&] { strided.push(scene.samples.data(), all, kSamples + 1); }) == ECG2LAB_ERROR_ARGUMENT);
  strided.push(scene.samples.data(), all, 100);
  strided.push(scene.samples.data() + 100, all - 100, kSamples - 100);
  REQUIRE(due(strided) == expected && !expected.empty());
}

// ---- Codes and messages ----

void codes_are_known_or_stand_for_others() {
  REQUIRE(ecg2lab_abi_version() >= ECG2LAB_ABI_VERSION && std::strlen(ecg2lab::version()) > 0);
  for (std::int32_t enumeration = 0; enumeration <= ECG2LAB_ENUMERATION_EXPERIENCE; ++enumeration) {
    const auto all = ecg2lab::codes(enumeration);
    REQUIRE(all.size() > 2);
    for (const ecg2lab_code& entry : all) {
      const bool in_header = entry.since <= ECG2LAB_ABI_VERSION;
      REQUIRE(!in_header || ecg2lab::known(enumeration, entry.code, -7) == entry.code);
      REQUIRE(std::strlen(entry.name) > 0);
    }
    REQUIRE(ecg2lab::known(enumeration, 12345, -7) == -7);
  }
  // As a program of an older header sees it.
  REQUIRE(ecg2lab::known(ECG2LAB_ENUMERATION_STATUS, ECG2LAB_ERROR_DEADLINE, -7, 3) == ECG2LAB_ERROR_BACKEND);
  REQUIRE(ecg2lab::known(ECG2LAB_ENUMERATION_VERDICT, ECG2LAB_FLAGGED, -7, 1) == -7);
  REQUIRE(ecg2lab::codes(99).empty());
  REQUIRE(ecg2lab::known(99, 1, -7) == -7);
  ecg2lab_finding finding{};
  finding.verdict = 12345;
  REQUIRE(ecg2lab::verdict(finding) == ECG2LAB_NO_DECISION);
  REQUIRE(ecg2lab::all_messages().size() > 10);
  for (const ecg2lab_message& message : ecg2lab::all_messages()) {
    REQUIRE(ecg2lab::copy(message).text == message.pattern);
  }
}

int run(const char* path) {
  const Scene scene{path};
  every_form_of_samples_is_the_same_recording(scene);
  mistakes_of_the_program_are_errors(scene);
  every_fact_arrives_as_itself(scene);
  a_result_shows_what_its_struct_has(scene);
  a_refusal_is_a_result(scene);
  an_answer_is_a_message_of_hl7(scene);
  quality_alone_has_no_findings(scene);
  an_explanation_is_of_the_answer(scene);
  the_device_computes_the_model_right(scene);
  two_halves_take_the_programs_numbers(scene);
  a_bundle_in_memory_is_the_same_model(scene);
  what_was_moved_from_refuses(scene);
  a_result_and_a_stream_outlive_their_model(scene);
  what_a_log_throws_is_dropped(scene);
  hooks_run_in_each_helper(scene);
  calls_can_be_stopped(scene);
  a_stream_goes_on_where_it_was_saved(scene);
  a_stream_refuses_what_it_cannot_take(scene);
  a_stream_takes_a_part_of_a_longer_buffer(scene);
  codes_are_known_or_stand_for_others();
  std::printf("%d wrong answers\n", wrong);
  return wrong == 0 ? 0 : 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 2) return 2;
  try {
    return run(argv[1]);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 2;
  }
}
