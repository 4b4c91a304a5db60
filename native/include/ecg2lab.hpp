// ecg2lab in C++17 and later: the C interface of ecg2lab.h with owners, containers, durations and exceptions.
//
// Research software, not for clinical use.
//
// Everything is inline: a program links the C library and nothing else. ecg2lab.h, which lies beside this file, remains
// the reference of what is read: answers, descriptions and states are its structs, whose fields it describes, and codes
// are its constants. This file says how a program asks in C++.
//
// OWNERSHIP. Model, Stream, Result, Prepared, SelftestReport and Cancel own what the C library made, free it, and can
// be moved but not copied. What was moved from owns nothing: it may be destroyed and assigned to; a Cancel does nothing
// then, and any other call throws Error(ECG2LAB_ERROR_ARGUMENT). A result outlives its model, and so does a stream.
// References and ranges that an owner gives live as long as what it owns, wherever that is moved. A Recording points to
// the samples of the program; Patient and all else that is handed in are values, and are not held after the call.
//
// ERRORS. The library answers, or refuses to, or fails:
//   - A refusal is an answer: predict, explain, judge, prepare and next return it, with the reason and a verdict for
//     each lead. Ask `refused()`, or take the answer by `or_throw()`.
//   - Any other failure throws Error, with the library's sentence, its status and its messages. So do refusals where
//     there is nothing to return: of opening a stream, of a push, of new facts about its patient.
//   - A failed check of a self-test is returned: ask `passed()`.
// After an error model and stream are still usable. Beside Error a call may throw std::bad_alloc, where memory ran out
// in this file.
//
// THREADS. As in ecg2lab.h: const functions of a Model and `Prepared::decide` may run in any number of threads at once,
// a Stream is of one thread at a time, a Cancel may be set from any thread.
//
// CALLBACKS. Functions in Options are copied when a model is loaded, and live until it and its last stream were freed.
// No exception of theirs reaches the library: Options says what becomes of it.
//
// CODES are int32_t, compared with the constants of ecg2lab.h and named by its functions, such as
// ecg2lab_verdict_name(finding.verdict). `known` says what a program takes a code for that is newer than its header.
//
// EXAMPLE. Ten seconds of 12 leads at 500 Hz, in microvolt, one lead after another:
//
//   #include <ecg2lab.hpp>
//
//   #include <cstdint>
//   #include <iostream>
//   #include <vector>
//
//   void answer(const ecg2lab::Model& model, const std::vector<std::int16_t>& samples) {
//     const auto recording =
//         ecg2lab::Recording(samples)
//             .leads({"I", "II", "III", "aVR", "aVL", "aVF", "V1", "V2", "V3", "V4", "V5", "V6"})
//             .unit(ECG2LAB_MICROVOLT)
//             .sampling_rate_hz(500);
//     ecg2lab::Patient patient;
//     patient.age = 63;
//     patient.sex = ECG2LAB_FEMALE;
//
//     const ecg2lab::Result result = model.predict(recording, patient, std::chrono::seconds(1));
//     if (result.refused()) std::cerr << result->message << '\n';  // result.leads() says more
//     else std::cout << result->notice << '\n';
//     for (const ecg2lab_finding& finding : result.findings()) {
//       std::cout << finding.target->name << ' ' << finding.probability
//                 << (finding.verdict == ECG2LAB_FLAGGED ? " flagged" : "") << '\n';
//     }
//   }
//
//   int main() {
//     try {
//       answer(ecg2lab::Model::load("model.ecg2lab"), std::vector<std::int16_t>(60000));
//     } catch (const ecg2lab::Error& error) {
//       std::cerr << ecg2lab_status_name(error.status()) << ": " << error.what() << '\n';
//     }
//   }
#ifndef ECG2LAB_HPP
#define ECG2LAB_HPP

#if defined(_MSVC_LANG) ? _MSVC_LANG < 201703L : __cplusplus < 201703L
#error "ecg2lab.hpp needs C++17"
#endif

#include <chrono>
#include <cstddef>
#include <cstdint>
#include <exception>
#include <functional>
#include <iterator>
#include <limits>
#include <memory>
#include <mutex>
#include <optional>
#include <stdexcept>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>
#include <vector>
#if defined(__has_include) && (defined(_MSVC_LANG) ? _MSVC_LANG >= 202002L : __cplusplus >= 202002L)
#if __has_include(<ranges>)
#include <ranges>
#endif
#endif

#include "ecg2lab.h"

#if ECG2LAB_ABI_VERSION < 5
#error "ecg2lab.hpp needs the ecg2lab.h that was installed with it"
#endif

namespace ecg2lab {
// The static library has a namespace of the same name inside. This one keeps their symbols apart, and those of parts of
// a program that were built with different versions of this file.
inline namespace abi4 {

// Seconds; every std::chrono::duration converts to it.
using Seconds = std::chrono::duration<double>;

// ---- Lists ----

// `count` structs that a list of pointers points to, without a copy; of texts (Range<char>) the pointers themselves.
template <class Struct>
class Range {
  class Pointed {
   public:
    using iterator_category = std::random_access_iterator_tag;
    using value_type = Struct;
    using difference_type = std::ptrdiff_t;
    using pointer = const Struct*;
    using reference = const Struct&;

    Pointed() = default;
    explicit Pointed(const Struct* const* at) : at_(at) {}

    reference operator*() const { return **at_; }
    pointer operator->() const { return *at_; }
    reference operator[](difference_type i) const { return *at_[i]; }

    Pointed& operator+=(difference_type n) { return at_ += n, *this; }
    Pointed& operator-=(difference_type n) { return at_ -= n, *this; }
    Pointed& operator++() { return *this += 1; }
    Pointed& operator--() { return *this -= 1; }
    Pointed operator++(int) { return Pointed(at_++); }
    Pointed operator--(int) { return Pointed(at_--); }
    friend Pointed operator+(Pointed a, difference_type n) { return a += n; }
    friend Pointed operator+(difference_type n, Pointed a) { return a += n; }
    friend Pointed operator-(Pointed a, difference_type n) { return a -= n; }
    friend difference_type operator-(Pointed a, Pointed b) { return a.at_ - b.at_; }

    friend bool operator==(Pointed a, Pointed b) { return a.at_ == b.at_; }
    friend bool operator!=(Pointed a, Pointed b) { return a.at_ != b.at_; }
    friend bool operator<(Pointed a, Pointed b) { return a.at_ < b.at_; }
    friend bool operator>(Pointed a, Pointed b) { return b < a; }
    friend bool operator<=(Pointed a, Pointed b) { return !(b < a); }
    friend bool operator>=(Pointed a, Pointed b) { return !(a < b); }

   private:
    const Struct* const* at_ = nullptr;
  };

 public:
  using iterator = std::conditional_t<std::is_same_v<Struct, char>, const char* const*, Pointed>;
  using const_iterator = iterator;

  Range() = default;
  Range(const Struct* const* pointers, std::size_t count) : pointers_(pointers), count_(count) {}

  iterator begin() const { return iterator(pointers_); }
  iterator end() const { return begin() + static_cast<std::ptrdiff_t>(count_); }
  std::size_t size() const { return count_; }
  bool empty() const { return count_ == 0; }
  // The one of that number, which must be less than `size()`.
  decltype(auto) operator[](std::size_t i) const { return begin()[static_cast<std::ptrdiff_t>(i)]; }

 private:
  const Struct* const* pointers_ = nullptr;
  std::size_t count_ = 0;
};

using Texts = Range<char>;

// Any list of ecg2lab.h, such as `each(finding.reasons, finding.reason_count)` or `each(description.leads,
// description.lead_count)`; it lives as long as what has the list.
template <class Struct>
Range<Struct> each(const Struct* const* pointers, std::size_t count) {
  return {pointers, count};
}

// ---- Errors ----

// A copy of an ecg2lab_parameter.
struct Parameter {
  std::string name;
  std::string value;
};

// A copy of an ecg2lab_message: what the library says, for a program that says it in another language.
struct Message {
  std::string code;
  std::string pattern;
  std::string text;
  std::vector<Parameter> parameters;
};

inline Message copy(const ecg2lab_message& message) {
  Message made{message.code, message.pattern, message.text, {}};
  for (const ecg2lab_parameter& parameter : each(message.parameters, message.parameter_count)) {
    made.parameters.push_back({parameter.name, parameter.value});
  }
  return made;
}

// A call that failed. `what()` is the library's sentence: what is wrong, and what to do. It never holds what was said
// of a patient.
class Error : public std::runtime_error {
 public:
  Error(std::int32_t status, const std::string& text, std::vector<Message> messages = {},
        std::int32_t refusal = ECG2LAB_REFUSAL_NONE)
      : std::runtime_error(text),
        status_(status),
        refusal_(refusal),
        messages_(std::make_shared<const std::vector<Message>>(std::move(messages))) {}

  // ecg2lab_status; never ECG2LAB_OK.
  std::int32_t status() const noexcept { return status_; }
  // Whether the library understood the question and does not answer it, because of recording, patient or quality.
  bool refused() const noexcept {
    return status_ == ECG2LAB_ERROR_RECORDING || status_ == ECG2LAB_ERROR_PATIENT || status_ == ECG2LAB_ERROR_QUALITY;
  }
  // ecg2lab_refusal; ECG2LAB_REFUSAL_NONE unless the error was made of a Result.
  std::int32_t refusal() const noexcept { return refusal_; }
  // `what()` by code and parameters, one for each thing that is wrong; none of an error that this file found.
  const std::vector<Message>& messages() const noexcept { return *messages_; }

 private:
  std::int32_t status_;
  std::int32_t refusal_;
  std::shared_ptr<const std::vector<Message>> messages_;  // shared, since copying an exception must not throw
};

// ---- The library ----

// Such as "0.1.0".
inline const char* version() { return ecg2lab_version(); }

// Every code of an enumeration that the library can answer with, in rising order; none of an unknown enumeration.
inline Range<ecg2lab_code> codes(std::int32_t enumeration) {
  std::size_t count = 0;
  const ecg2lab_code* const* all = ecg2lab_codes(enumeration, &count);
  return {all, count};
}

// Every message that there is, with its pattern as `text`: what a program has to translate.
inline Range<ecg2lab_message> all_messages() {
  std::size_t count = 0;
  const ecg2lab_message* const* all = ecg2lab_messages(&count);
  return {all, count};
}

// What a program that was written for the header of an ABI version takes a code of an enumeration (ecg2lab_enumeration)
// for: the code itself where that header has it, else the one that the library says stands in for it, and `otherwise`
// where nothing does.
inline std::int32_t known(std::int32_t enumeration, std::int32_t code, std::int32_t otherwise,
                          std::int32_t abi_version = ECG2LAB_ABI_VERSION) {
  const Range<ecg2lab_code> all = codes(enumeration);
  for (std::size_t step = 0; step < all.size(); ++step) {
    const ecg2lab_code* entry = nullptr;
    for (const ecg2lab_code& each_code : all) {
      if (each_code.code == code) entry = &each_code;
    }
    if (entry == nullptr) return otherwise;
    if (entry->since <= abi_version) return code;
    if (entry->instead == code) return otherwise;
    code = entry->instead;
  }
  return otherwise;
}

// ecg2lab_verdict of a finding, as this header knows it: ECG2LAB_NO_DECISION for one that it does not.
inline std::int32_t verdict(const ecg2lab_finding& finding) {
  return known(ECG2LAB_ENUMERATION_VERDICT, finding.verdict, ECG2LAB_NO_DECISION);
}

namespace detail {

// Of the call of this thread that has just returned this status.
inline Error last_error(std::int32_t status) {
  std::size_t count = 0;
  const ecg2lab_message* const* said = ecg2lab_last_messages(&count);
  std::vector<Message> messages;
  if (said != nullptr) {
    for (const ecg2lab_message& message : each(said, count)) messages.push_back(copy(message));
  }
  return {status, ecg2lab_last_error(), std::move(messages)};
}

inline void check(std::int32_t status) {
  if (status != ECG2LAB_OK) throw last_error(status);
}

[[noreturn]] inline void mistake(const std::string& text) { throw Error(ECG2LAB_ERROR_ARGUMENT, text); }

template <class Struct, class Init>
Struct initialised(Init init) {
  Struct made{};
  check(init(&made, sizeof made));
  return made;
}

// For C, which would take the part before a zero byte.
inline const char* text(const std::string& words) {
  if (words.find('\0') != std::string::npos) mistake("a text that is handed to ecg2lab has a zero byte");
  return words.c_str();
}

// Code of a type of samples; -1 of any other type.
template <class Sample>
inline constexpr int sample_code = std::is_same_v<Sample, float>          ? int{ECG2LAB_FLOAT}
                                   : std::is_same_v<Sample, double>       ? int{ECG2LAB_DOUBLE}
                                   : std::is_same_v<Sample, std::int16_t> ? int{ECG2LAB_INT16}
                                   : std::is_same_v<Sample, std::int32_t> ? int{ECG2LAB_INT32}
                                                                          : -1;

template <class Container>
using Element = std::remove_cv_t<std::remove_pointer_t<decltype(std::data(std::declval<const Container&>()))>>;
template <class Sample>
using IfSample = std::enable_if_t<(sample_code<Sample> >= 0), int>;
template <class Element>
using IfByte = std::enable_if_t<sizeof(Element) == 1 && std::is_trivially_copyable_v<Element>, int>;

struct Free {
  void operator()(ecg2lab_model* model) const noexcept { ecg2lab_free(model); }
  void operator()(ecg2lab_stream* stream) const noexcept { ecg2lab_stream_free(stream); }
  void operator()(ecg2lab_result* result) const noexcept { ecg2lab_result_free(result); }
  void operator()(ecg2lab_prepared* prepared) const noexcept { ecg2lab_prepared_free(prepared); }
  void operator()(ecg2lab_selftest_report* report) const noexcept { ecg2lab_selftest_report_free(report); }
  void operator()(ecg2lab_cancel* cancel) const noexcept { ecg2lab_cancel_free(cancel); }
  void operator()(ecg2lab_bytes* bytes) const noexcept { ecg2lab_bytes_free(bytes); }
};

// A struct that the library made.
template <class Struct, class Deleter = Free>
class Owner {
 public:
  const Struct& operator*() const& {
    if (!struct_) mistake("this object was moved from: it has nothing to show any more");
    return *struct_;
  }
  const Struct& operator*() const&& = delete;  // it would not outlive the statement
  const Struct* operator->() const { return &static_cast<const Owner&>(*this).operator*(); }

 protected:
  explicit Owner(Struct* made, Deleter deleter = {}) : struct_(made, std::move(deleter)) {}

  std::unique_ptr<Struct, Deleter> struct_;
};

}  // namespace detail

// ---- Deadline and cancellation ----

// Asks calls to stop, from any thread. It must outlive the calls that have it.
class Cancel {
 public:
  // Throws Error if memory ran out.
  Cancel() {
    ecg2lab_cancel* made = nullptr;
    detail::check(ecg2lab_cancel_new(&made));
    cancel_.reset(made);
  }

  // Every call that has it stops, now and later, until `clear`. May be called in a signal handler, too.
  void set() noexcept { ecg2lab_cancel_set(cancel_.get()); }
  // Calls may run again.
  void clear() noexcept { ecg2lab_cancel_clear(cancel_.get()); }

 private:
  friend class Call;
  std::unique_ptr<ecg2lab_cancel, detail::Free> cancel_;
};

// How a call may end before it has its answer, with ECG2LAB_ERROR_DEADLINE or ECG2LAB_ERROR_CANCELLED: a duration of
// std::chrono, a Cancel, or both, `{std::chrono::milliseconds(200), cancel}`. By default neither.
class Call {
 public:
  Call() = default;
  // From the beginning of the call. One of zero or less has passed already, and the call stops as soon as it looks.
  template <class Rep, class Period>
  Call(std::chrono::duration<Rep, Period> deadline) : deadline_(deadline) {}
  Call(const Cancel& cancel) : cancel_(&cancel) {}
  Call(Cancel&& cancel) = delete;
  template <class Rep, class Period>
  Call(std::chrono::duration<Rep, Period> deadline, const Cancel& cancel) : deadline_(deadline), cancel_(&cancel) {}
  template <class Rep, class Period>
  Call(std::chrono::duration<Rep, Period> deadline, Cancel&& cancel) = delete;

 private:
  friend class Model;
  friend class Stream;

  ecg2lab_call to_c() const {
    auto to = detail::initialised<ecg2lab_call>(ecg2lab_call_init);
    if (deadline_) to.deadline_s = deadline_->count() <= 0 ? (std::numeric_limits<double>::min)() : deadline_->count();
    if (cancel_ != nullptr) {
      if (!cancel_->cancel_) detail::mistake("call: its cancel was moved from");
      to.cancel = cancel_->cancel_.get();
    }
    return to;
  }

  std::optional<Seconds> deadline_;
  const Cancel* cancel_ = nullptr;
};

// ---- What is handed in ----

// Level (ecg2lab_log_level) and a line of UTF-8, which lives as long as the call. Called in the thread that called the
// library; several may call it at once. What it throws is dropped: no log keeps an answer back.
using Log = std::function<void(std::int32_t level, std::string_view message)>;

// Called in each helper thread of a model, as its first or its last act; `thread` counts from 1. It must not call the
// library. What the first throws, loading throws after the helpers have ended; what the last throws is dropped.
using ThreadHook = std::function<void(std::size_t thread)>;

// How a model is loaded. In C++20 `{.threads = 2}`.
struct Options {
  std::string precision{};                                  // such as "fp32"; empty: the bundle's own
  std::size_t threads = 1;                                  // of one call, 1 to 256
  std::int32_t out_of_range = ECG2LAB_OUT_OF_RANGE_REFUSE;  // ecg2lab_out_of_range
  Log log{};                                                // empty, as the next two may be: none
  ThreadHook thread_begin{};
  ThreadHook thread_end{};
};

// Facts about a patient; what has no value is not known. In C++20 `{.sex = ECG2LAB_FEMALE, .age = 63}`.
struct Patient {
  std::optional<std::int32_t> sex{};   // ecg2lab_sex
  std::optional<std::int32_t> race{};  // ecg2lab_race
  std::optional<double> age{};         // years
  std::optional<double> respiratory_per_min{};
  std::optional<double> spo2_percent{};
  std::optional<double> diastolic_mmhg{};
  std::optional<double> systolic_mmhg{};
  std::optional<double> heart_rate_bpm{};
  std::optional<double> temperature_c{};  // in one of its units
  std::optional<double> temperature_f{};
  std::optional<double> height_cm{};
  std::optional<double> weight_kg{};
  std::optional<double> bmi{};  // kg per square metre; follows from height and weight where it has no value
};

namespace detail {

inline ecg2lab_patient to_c(const Patient& patient) {
  auto to = initialised<ecg2lab_patient>(ecg2lab_patient_init);
  const auto put = [](const auto& fact, auto& field) {
    if (fact) field = *fact;
  };
  put(patient.sex, to.sex);
  put(patient.race, to.race);
  put(patient.age, to.age);
  put(patient.respiratory_per_min, to.respiratory_per_min);
  put(patient.spo2_percent, to.spo2_percent);
  put(patient.diastolic_mmhg, to.diastolic_mmhg);
  put(patient.systolic_mmhg, to.systolic_mmhg);
  put(patient.heart_rate_bpm, to.heart_rate_bpm);
  put(patient.temperature_c, to.temperature_c);
  put(patient.temperature_f, to.temperature_f);
  put(patient.height_cm, to.height_cm);
  put(patient.weight_kg, to.weight_kg);
  put(patient.bmi, to.bmi);
  return to;
}

// Where the samples of the leads lie in one buffer. Both strides 0: one lead after another.
struct Layout {
  std::size_t leads = 0;
  std::size_t lead_stride = 0;
  std::size_t sample_stride = 0;
  bool strided = false;  // strides of the caller's own, of which the number of samples does not follow

  // Of `numbers` that fill a buffer.
  std::size_t samples_of_each(std::size_t numbers) const {
    if (strided) mistake("samples: by strides of its own a buffer does not say how many samples each lead has");
    if (leads == 0) return numbers;  // which the library refuses in its own words
    if (numbers % leads == 0) return numbers / leads;
    mistake("samples: " + std::to_string(numbers) + " are not the same number for each of " + std::to_string(leads) +
            " leads");
  }

  // Whether a buffer of `numbers` has so many samples of each lead. Not by a product, which could overflow.
  bool fits(std::size_t numbers, std::size_t samples) const {
    if (samples == 0 || leads == 0) return true;
    if (numbers == 0) return false;
    const std::size_t last = numbers - 1, stride = sample_stride > 0 ? sample_stride : 1;
    const std::size_t step = lead_stride > 0 ? lead_stride : samples;
    if (leads > 1 && step > last / (leads - 1)) return false;
    return samples == 1 || stride <= (last - (leads - 1) * step) / (samples - 1);
  }
};

// A recording for C; it points to what it was made of, and into itself.
struct LentRecording {
  LentRecording() = default;
  LentRecording(const LentRecording&) = delete;
  LentRecording& operator=(const LentRecording&) = delete;

  ecg2lab_recording c = initialised<ecg2lab_recording>(ecg2lab_recording_init);
  std::vector<const char*> leads;
  std::vector<ecg2lab_source_field> source;
};

}  // namespace detail

// An ECG in the program's memory; or, made by `format`, what the samples of a stream will be. It points to the samples
// without a copy: they must be there, and stay the same, in each call that is given it. All else it holds itself.
// Leads, unit and rate are required; a call that is given a recording without one of them says so. NaN is a missing
// sample.
//
// Its functions return it, so that they can follow one another.
class Recording {
 public:
  // All samples of all leads: float, double, int16_t or int32_t in a contiguous container, such as a vector, array or
  // span. A layout that leaves the container is refused.
  template <class Samples, class Sample = detail::Element<Samples>, detail::IfSample<Sample> = 0>
  explicit Recording(const Samples& samples) : Recording(std::data(samples), std::size(samples)) {}
  template <class Samples, class Sample = detail::Element<Samples>, detail::IfSample<Sample> = 0>
  explicit Recording(const Samples&& samples) = delete;  // it would be gone before it is read: give it a name

  // As above; `numbers` counts those of all leads together, such as 60000 for ten seconds of 12 leads at 500 Hz.
  template <class Sample, detail::IfSample<Sample> = 0>
  Recording(const Sample* samples, std::size_t numbers)
      : samples_(samples), numbers_(numbers), bytes_(sizeof(Sample)), sample_type_(detail::sample_code<Sample>) {}

  // What the samples of a stream will be, `Recording::format<float>()`.
  template <class Sample, detail::IfSample<Sample> = 0>
  static Recording format() {
    return {static_cast<const Sample*>(nullptr), 0};
  }

  // Names, at most 64, in the order of the samples and any letter case.
  Recording& leads(std::vector<std::string> names) {
    leads_ = std::move(names);
    return *this;
  }
  // The same of any other list of texts.
  template <class Names>
  Recording& leads(const Names& names) {
    leads_.assign(std::begin(names), std::end(names));
    return *this;
  }

  // Of floating-point numbers and integers alike. There is no default.
  Recording& unit(ecg2lab_unit unit) {
    unit_ = unit;
    return *this;
  }

  // Counts of a converter, in place of a unit: counts per millivolt, and the count of zero volt.
  Recording& adc(double gain, double baseline = 0) { return adc(std::vector{gain}, std::vector{baseline}); }
  // The same with one number for each lead; an empty `baseline` is 0.
  Recording& adc(std::vector<double> gain, std::vector<double> baseline = {}) {
    unit_ = ECG2LAB_ADC;
    gain_ = std::move(gain);
    baseline_ = std::move(baseline);
    return *this;
  }

  // 100 to 2000.
  Recording& sampling_rate_hz(double rate) {
    sampling_rate_hz_ = rate;
    return *this;
  }

  // One sample of every lead after another, as most boards deliver them. By default one lead comes after another.
  Recording& sample_after_sample() {
    layout_ = {};
    sample_after_sample_ = true;
    return *this;
  }

  // Any other layout: sample t of lead i is samples[i * lead_stride + t * sample_stride], in numbers and not bytes, for
  // `samples_of_each` samples of every lead. Of the format of a stream those are not looked at.
  Recording& strides(std::size_t lead_stride, std::size_t sample_stride, std::size_t samples_of_each = 0) {
    layout_ = {0, lead_stride, sample_stride, true};
    samples_of_each_ = samples_of_each;
    sample_after_sample_ = false;
    return *this;
  }

  // The integer that marks a missing sample, such as -32768.
  Recording& missing_code(std::int32_t code) {
    missing_code_ = code;
    return *this;
  }

  // One more field of what identifies the recording: carried to the result untouched, never logged.
  Recording& source(std::string name, std::string value) {
    source_.emplace_back(std::move(name), std::move(value));
    return *this;
  }

 private:
  friend class Model;
  friend class Stream;

  detail::Layout layout() const {
    detail::Layout layout = layout_;
    layout.leads = leads_.size();
    if (sample_after_sample_) {
      layout.lead_stride = 1;
      layout.sample_stride = leads_.size();
    }
    return layout;
  }

  // All but the samples.
  void lend_format(detail::LentRecording& to) const {
    const detail::Layout layout = this->layout();
    for (const std::string& name : leads_) to.leads.push_back(detail::text(name));
    for (const auto& [name, value] : source_) to.source.push_back({detail::text(name), detail::text(value)});
    to.c.sample_type = sample_type_;
    to.c.unit = unit_;
    to.c.leads = to.leads.data();
    to.c.lead_count = to.leads.size();
    to.c.sampling_rate_hz = sampling_rate_hz_;
    to.c.lead_stride = layout.lead_stride;
    to.c.sample_stride = layout.sample_stride;
    if (!gain_.empty()) {
      to.c.gain = gain_.data();
      to.c.gain_count = gain_.size();
    }
    if (!baseline_.empty()) {
      to.c.baseline = baseline_.data();
      to.c.baseline_count = baseline_.size();
    }
    if (!to.source.empty()) {
      to.c.source = to.source.data();
      to.c.source_count = to.source.size();
    }
    if (missing_code_) {
      to.c.has_missing_code = 1;
      to.c.missing_code = *missing_code_;
    }
  }

  void lend(detail::LentRecording& to) const {
    lend_format(to);
    if (numbers_ == 0) detail::mistake("recording: it has no samples");
    to.c.samples = samples_;
    to.c.sample_count = layout_.strided ? samples_of_each_ : layout().samples_of_each(numbers_);
    to.c.buffer_bytes = numbers_ * bytes_;
  }

  const void* samples_;
  std::size_t numbers_;
  std::size_t bytes_;  // of one
  std::int32_t sample_type_;
  std::vector<std::string> leads_;
  std::int32_t unit_ = 0;
  double sampling_rate_hz_ = 0;
  detail::Layout layout_;
  bool sample_after_sample_ = false;
  std::size_t samples_of_each_ = 0;
  std::vector<double> gain_;
  std::vector<double> baseline_;
  std::optional<std::int32_t> missing_code_;
  std::vector<std::pair<std::string, std::string>> source_;
};

// What an explanation is of. In C++20 `{.targets = {"potassium_high"}}`.
struct ExplainOptions {
  std::vector<std::string> targets{};  // names; none: every target of the model
  Seconds segment{0.2};                // length of a segment: from one sample of the model's rate to a window
};

// How a stream answers. In C++20 `{.hop = std::chrono::seconds(2)}`.
struct StreamOptions {
  Seconds hop{1};              // from one window to the next: a whole number of samples at the model's rate
  Seconds longest_gap{0};      // without values after which a lead is off; 0: a window
  Seconds longest_backlog{0};  // signal that may wait for answers to be taken, up to a day; 0: ten minutes
};

// What the program's own runtime gave for the windows of a prepared recording, and what it was. Float, row by row.
struct Output {
  const float* logits = nullptr;    // (windows, logit_count of the graph)
  std::size_t logit_count = 0;      // numbers there
  const float* features = nullptr;  // (windows, feature_count of the graph); nullptr where the graph has none
  std::size_t feature_count = 0;
  std::string provider{};   // such as "ONNX Runtime 1.32.0, CUDAExecutionProvider"; empty: not stated
  std::string device{};     // such as "cuda:0"; likewise
  std::size_t threads = 0;  // of one call; 0: not stated
};

// What an HL7 message says beside the answer: the fields of ecg2lab_hl7. What is not given is as said there.
struct Hl7 {
  std::optional<std::string> sending_application{};
  std::optional<std::string> sending_facility{};
  std::optional<std::string> receiving_application{};
  std::optional<std::string> receiving_facility{};
  std::optional<std::string> control_id{};
  std::optional<std::string> time{};
  std::optional<std::string> observed{};
  std::optional<std::string> birth_date{};
  std::optional<std::string> processing_id{};
  std::optional<std::string> patient_id{};
  std::optional<std::string> patient_authority{};
  std::optional<std::string> family_name{};
  std::optional<std::string> given_name{};
  std::optional<std::string> sex{};
  std::optional<std::string> patient_class{};
  std::optional<std::string> location{};
  std::optional<std::string> visit_number{};
  std::optional<std::string> placer_order{};
  std::optional<std::string> filler_order{};
  std::optional<std::string> accession{};
  std::optional<std::string> result_status{};
  std::optional<std::string> abnormal_flag{};
  std::optional<std::string> device{};
  std::optional<std::string> document_type{};
  std::optional<std::string> document_subtype{};
  const void* document = nullptr;  // such as a report in PDF
  std::size_t document_size = 0;
};

// ---- What is given back ----

// An answer or a refusal. `result->notice` and all other fields are those of ecg2lab_result. The lists are those of a
// result that has a name: a range would not outlive `model.predict(…)`.
class [[nodiscard]] Result : public detail::Owner<ecg2lab_result> {
 public:
  // Whether it has findings; of `judge`: whether the recording is accepted.
  bool answered() const { return (*this)->status == ECG2LAB_OK; }
  // Otherwise: `result->message` says why, `leads()` and `faults()` where.
  bool refused() const { return !answered(); }

  // Itself. Throws Error, with status, refusal and messages of the result, if it is a refusal.
  const Result& or_throw() const& {
    if (answered()) return *this;
    std::vector<Message> said;
    for (const ecg2lab_message& message : messages()) said.push_back(copy(message));
    throw Error((*this)->status, (*this)->message, std::move(said), (*this)->refusal);
  }
  Result or_throw() && {
    static_cast<const Result&>(*this).or_throw();
    return std::move(*this);
  }

  // ecg2lab_refusal; one that this header does not know stays as it is, and is a refusal for an unknown reason.
  std::int32_t refusal() const { return known(ECG2LAB_ENUMERATION_REFUSAL, (*this)->refusal, (*this)->refusal); }
  // ecg2lab_quality; of one that this header does not know, accepted with warnings or refused.
  std::int32_t quality() const {
    return known(ECG2LAB_ENUMERATION_QUALITY, (*this)->quality,
                 answered() ? ECG2LAB_QUALITY_WARNINGS : ECG2LAB_QUALITY_REFUSED);
  }
  // ecg2lab_experience; ECG2LAB_EXPERIENCE_NOT_JUDGED for one that this header does not know.
  std::int32_t experience() const {
    return known(ECG2LAB_ENUMERATION_EXPERIENCE, (*this)->experience, ECG2LAB_EXPERIENCE_NOT_JUDGED);
  }

  // Those of the model, in its order.
  Range<ecg2lab_lead> leads() const& { return {(*this)->leads, (*this)->lead_count}; }
  // One for each target, in the model's order; none of a refusal.
  Range<ecg2lab_finding> findings() const& { return {(*this)->findings, (*this)->finding_count}; }
  // Of the quality gate, whatever the answer.
  Range<ecg2lab_fault> faults() const& { return {(*this)->faults, (*this)->fault_count}; }
  // `result->message` by code and parameters, one for each thing that is wrong.
  Range<ecg2lab_message> messages() const& { return {(*this)->messages, (*this)->message_count}; }
  // Inputs that were not given, and what stood in for them.
  Range<ecg2lab_imputed> imputed() const& { return {(*this)->imputed, (*this)->imputed_count}; }
  // Of `explain`; else none.
  Range<ecg2lab_explanation> explanations() const& { return {(*this)->explanations, (*this)->explanation_count}; }
  // Names of facts that were given and that the model does not use.
  Texts unused_facts() const& { return {(*this)->unused_facts, (*this)->unused_fact_count}; }
  // Names of facts that were given and count as not given.
  Texts out_of_range() const& { return {(*this)->out_of_range, (*this)->out_of_range_count}; }
  Range<ecg2lab_source_field> source() const& { return {(*this)->source, (*this)->source_count}; }

  // One line of JSON, the document that prediction.schema.json describes. Throws Error if memory ran out.
  const char* json() const& {
    const char* line = ecg2lab_result_json(&**this);
    if (line == nullptr) throw Error(ECG2LAB_ERROR_MEMORY, "out of memory");
    return line;
  }

  // As a message of HL7 v2.5.1, ORU^R01, without the bytes that MLLP adds. Throws Error(ECG2LAB_ERROR_ARGUMENT) if the
  // standard has no room for a field: nothing is cut off.
  [[nodiscard]] std::string hl7(const Hl7& given = {}) const {
    constexpr std::pair<std::optional<std::string> Hl7::*, const char* ecg2lab_hl7::*> texts[] = {
        {&Hl7::sending_application, &ecg2lab_hl7::sending_application},
        {&Hl7::sending_facility, &ecg2lab_hl7::sending_facility},
        {&Hl7::receiving_application, &ecg2lab_hl7::receiving_application},
        {&Hl7::receiving_facility, &ecg2lab_hl7::receiving_facility},
        {&Hl7::control_id, &ecg2lab_hl7::control_id},
        {&Hl7::time, &ecg2lab_hl7::time},
        {&Hl7::observed, &ecg2lab_hl7::observed},
        {&Hl7::birth_date, &ecg2lab_hl7::birth_date},
        {&Hl7::processing_id, &ecg2lab_hl7::processing_id},
        {&Hl7::patient_id, &ecg2lab_hl7::patient_id},
        {&Hl7::patient_authority, &ecg2lab_hl7::patient_authority},
        {&Hl7::family_name, &ecg2lab_hl7::family_name},
        {&Hl7::given_name, &ecg2lab_hl7::given_name},
        {&Hl7::sex, &ecg2lab_hl7::sex},
        {&Hl7::patient_class, &ecg2lab_hl7::patient_class},
        {&Hl7::location, &ecg2lab_hl7::location},
        {&Hl7::visit_number, &ecg2lab_hl7::visit_number},
        {&Hl7::placer_order, &ecg2lab_hl7::placer_order},
        {&Hl7::filler_order, &ecg2lab_hl7::filler_order},
        {&Hl7::accession, &ecg2lab_hl7::accession},
        {&Hl7::result_status, &ecg2lab_hl7::result_status},
        {&Hl7::abnormal_flag, &ecg2lab_hl7::abnormal_flag},
        {&Hl7::device, &ecg2lab_hl7::device},
        {&Hl7::document_type, &ecg2lab_hl7::document_type},
        {&Hl7::document_subtype, &ecg2lab_hl7::document_subtype}};
    ecg2lab_hl7 fields;
    detail::check(ecg2lab_hl7_init(&fields, sizeof fields));
    for (const auto& [from, to] : texts) {
      if (given.*from) fields.*to = (given.*from)->c_str();
    }
    fields.document = given.document, fields.document_size = given.document_size;
    ecg2lab_bytes* made = nullptr;
    detail::check(ecg2lab_result_hl7(&**this, &fields, &made));
    const std::unique_ptr<ecg2lab_bytes, detail::Free> owned(made);
    return {static_cast<const char*>(made->data), made->size};
  }

  void leads() const&& = delete;
  void findings() const&& = delete;
  void faults() const&& = delete;
  void messages() const&& = delete;
  void imputed() const&& = delete;
  void explanations() const&& = delete;
  void unused_facts() const&& = delete;
  void out_of_range() const&& = delete;
  void source() const&& = delete;
  void json() const&& = delete;

 private:
  friend class Model;
  friend class Stream;
  friend class Prepared;

  // Of a call that returned this status; throws Error if it made no result.
  Result(std::int32_t status, ecg2lab_result* result) : Owner(result) {
    if (result == nullptr) detail::check(status);
  }
};

// Whether this device computes the model right.
class [[nodiscard]] SelftestReport : public detail::Owner<ecg2lab_selftest_report> {
 public:
  // If not, `report->message` says why, and the model must not be used on this device.
  bool passed() const { return (*this)->status == ECG2LAB_OK && (*this)->passed == 1; }
  Range<ecg2lab_check> checks() const& { return {(*this)->checks, (*this)->check_count}; }
  void checks() const&& = delete;

 private:
  friend class Model;
  explicit SelftestReport(ecg2lab_selftest_report* report) : Owner(report) {}
};

namespace detail {

// What the library calls back, while it may.
struct Hooks {
  Log log;
  ThreadHook thread_begin;
  ThreadHook thread_end;
  std::mutex turn;
  std::exception_ptr failure;  // the first of thread_begin

  static void call_log(void* user, std::int32_t level, const char* message) noexcept {
    try {
      static_cast<const Hooks*>(user)->log(level, message);
    } catch (...) {  // NOLINT(bugprone-empty-catch): no log keeps an answer back
    }
  }
  static void call_begin(void* user, std::size_t thread) noexcept {
    auto& hooks = *static_cast<Hooks*>(user);
    try {
      hooks.thread_begin(thread);
    } catch (...) {
      const std::lock_guard<std::mutex> lock(hooks.turn);
      if (!hooks.failure) hooks.failure = std::current_exception();
    }
  }
  static void call_end(void* user, std::size_t thread) noexcept {
    try {
      static_cast<const Hooks*>(user)->thread_end(thread);
    } catch (...) {  // NOLINT(bugprone-empty-catch): nobody is left to be told
    }
  }
};

// The functions live until after the library freed what may call them.
struct FreeThenForget {
  template <class Struct>
  void operator()(Struct* made) const noexcept {
    Free()(made);
  }
  std::shared_ptr<Hooks> hooks{};
};

}  // namespace detail

// A recording for a runtime of the program's own: `prepared->signal`, `->continuous` and `->categorical` are the
// graph's inputs for `->window_count` windows. It outlives its model.
class [[nodiscard]] Prepared : public detail::Owner<ecg2lab_prepared, detail::FreeThenForget> {
 public:
  // Then it has no windows, and `decide()` makes the result that says why.
  bool refused() const { return (*this)->status != ECG2LAB_OK; }
  Range<ecg2lab_lead> leads() const& { return {(*this)->leads, (*this)->lead_count}; }
  Range<ecg2lab_fault> faults() const& { return {(*this)->faults, (*this)->fault_count}; }
  // `prepared->message` by code and parameters, one for each thing that is wrong.
  Range<ecg2lab_message> messages() const& { return {(*this)->messages, (*this)->message_count}; }
  void leads() const&& = delete;
  void faults() const&& = delete;
  void messages() const&& = delete;

  // The result that `Model::predict` gives, of what the runtime gave; of a refusal `output` is not looked at. Throws
  // Error(ECG2LAB_ERROR_ARGUMENT) if numbers are missing or not as many as the windows need, and
  // Error(ECG2LAB_ERROR_BACKEND) if one is not finite.
  Result decide(const Output& output = {}) const {
    auto to = detail::initialised<ecg2lab_output>(ecg2lab_output_init);
    to.logits = output.logits;
    to.logit_count = output.logit_count;
    to.features = output.features;
    to.feature_count = output.feature_count;
    if (!output.provider.empty()) to.provider = detail::text(output.provider);
    if (!output.device.empty()) to.device = detail::text(output.device);
    to.threads = output.threads;
    ecg2lab_result* result = nullptr;
    const std::int32_t status = ecg2lab_decide(&**this, &to, &result);
    return {status, result};
  }

 private:
  friend class Model;
  Prepared(ecg2lab_prepared* prepared, std::shared_ptr<detail::Hooks> hooks)
      : Owner(prepared, detail::FreeThenForget{std::move(hooks)}) {}
};

// ---- Model ----

// A loaded bundle, which any number of threads may share.
class [[nodiscard]] Model {
 public:
  // Opens a bundle and checks every byte of it. `path` is UTF-8 on Windows, elsewhere bytes. Throws Error:
  // ECG2LAB_ERROR_BUNDLE if it is missing, damaged or of another version, ECG2LAB_ERROR_BACKEND if a precision or
  // number of threads cannot be had, ECG2LAB_ERROR_ARGUMENT if the library is older than this file; and whatever
  // `options.thread_begin` throws.
  static Model load(const std::string& path, const Options& options = {}) {
    const char* const place = detail::text(path);
    return made(options,
                [&](const ecg2lab_options* to, ecg2lab_model** model) { return ecg2lab_load(place, to, model); });
  }

  // The same of a bundle in memory, which is copied. `name` stands for the path in messages and answers.
  static Model load_memory(const void* content, std::size_t size, const std::string& name = "memory",
                           const Options& options = {}) {
    const char* const said = detail::text(name);
    return made(options, [&](const ecg2lab_options* to, ecg2lab_model** model) {
      return ecg2lab_load_memory(content, size, said, to, model);
    });
  }
  // The same of a container of bytes.
  template <class Bytes, class Byte = detail::Element<Bytes>, detail::IfByte<Byte> = 0>
  static Model load_memory(const Bytes& content, const std::string& name = "memory", const Options& options = {}) {
    return load_memory(std::data(content), std::size(content), name, options);
  }

  // As `load`, for a program that runs the network itself: `prepare`, then `Prepared::decide`. Whatever needs the
  // library's engine throws Error(ECG2LAB_ERROR_BACKEND).
  static Model load_without_engine(const std::string& path, const Options& options = {}) {
    const char* const place = detail::text(path);
    return made(options, [&](const ecg2lab_options* to, ecg2lab_model** model) {
      return ecg2lab_load_without_engine(place, to, model);
    });
  }

  // What the model is, for as long as the model lives: leads, rate, facts, targets.
  const ecg2lab_description& describe() const& {
    const ecg2lab_description* description = ecg2lab_describe(model_.get());
    if (description == nullptr) detail::mistake("this model was moved from");
    return *description;
  }
  void describe() const&& = delete;

  // Answers for one recording, or refuses to. Throws Error on anything else, such as an unknown unit
  // (ECG2LAB_ERROR_ARGUMENT), a model without an engine (ECG2LAB_ERROR_BACKEND) or a deadline that passed.
  Result predict(const Recording& recording, const Patient& patient = {}, const Call& call = {}) const {
    return asked(recording, [&](const ecg2lab_recording* from, ecg2lab_result** result) {
      const ecg2lab_patient about = detail::to_c(patient);
      const ecg2lab_call within = call.to_c();
      return ecg2lab_predict_within(model_.get(), from, &about, &within, result);
    });
  }

  // Only the quality of a recording, as `predict` judges it: leads and faults, and no findings. Throws as `predict`.
  Result judge(const Recording& recording) const {
    return asked(recording, [&](const ecg2lab_recording* from, ecg2lab_result** result) {
      return ecg2lab_judge(model_.get(), from, result);
    });
  }

  // As `predict`, and says in `explanations()` what the answers rest on. It takes as long as a hundred answers. Throws
  // as `predict`, and Error(ECG2LAB_ERROR_ARGUMENT) on a target that the model does not have.
  Result explain(const Recording& recording, const Patient& patient = {}, const ExplainOptions& options = {},
                 const Call& call = {}) const {
    return asked(recording, [&](const ecg2lab_recording* from, ecg2lab_result** result) {
      const ecg2lab_patient about = detail::to_c(patient);
      const ecg2lab_call within = call.to_c();
      std::vector<const char*> targets;
      for (const std::string& name : options.targets) targets.push_back(detail::text(name));
      auto to = detail::initialised<ecg2lab_explain_options>(ecg2lab_explain_options_init);
      if (!targets.empty()) {
        to.targets = targets.data();
        to.target_count = targets.size();
      }
      to.segment_s = options.segment.count();
      return ecg2lab_explain(model_.get(), from, &about, &to, &within, result);
    });
  }

  // The golden windows of the bundle again, against their outputs in float64. Throws Error if that could not be done;
  // a check that failed is in the report.
  SelftestReport selftest(const Call& call = {}) const {
    const ecg2lab_call within = call.to_c();
    ecg2lab_selftest_report* report = nullptr;
    const std::int32_t status = ecg2lab_selftest(model_.get(), &within, &report);
    if (report == nullptr) detail::check(status);
    return SelftestReport(report);
  }

  // The first half of `predict`, for a runtime of the program's own: windows and features, or a refusal. Throws as
  // `predict`.
  Prepared prepare(const Recording& recording, const Patient& patient = {}) const {
    detail::LentRecording lent;
    recording.lend(lent);
    const ecg2lab_patient about = detail::to_c(patient);
    ecg2lab_prepared* prepared = nullptr;
    const std::int32_t status = ecg2lab_prepare(model_.get(), &lent.c, &about, &prepared);
    if (prepared == nullptr) detail::check(status);
    return {prepared, model_.get_deleter().hooks};
  }

  // The network over one window, an ONNX model that lives as long as this one.
  const ecg2lab_graph& window_graph() const& {
    const ecg2lab_graph* graph = ecg2lab_window_graph(model_.get());
    if (graph == nullptr) detail::mistake("this model was moved from");
    return *graph;
  }
  void window_graph() const&& = delete;

 private:
  friend class Stream;

  Model(ecg2lab_model* model, std::shared_ptr<detail::Hooks> hooks)
      : model_(model, detail::FreeThenForget{std::move(hooks)}) {}

  template <class Load>
  static Model made(const Options& options, const Load& load) {
    if (ecg2lab_abi_version() < ECG2LAB_ABI_VERSION) {  // it would leave the end of our structs unwritten
      detail::mistake("the ecg2lab library is older than ecg2lab.hpp (its ABI version is " +
                      std::to_string(ecg2lab_abi_version()) + ", not " + std::to_string(ECG2LAB_ABI_VERSION) +
                      "): install the one that came with it");
    }
    auto to = detail::initialised<ecg2lab_options>(ecg2lab_options_init);
    if (!options.precision.empty()) to.precision = detail::text(options.precision);
    to.threads = options.threads;
    to.out_of_range = options.out_of_range;
    const auto hooks = std::make_shared<detail::Hooks>();
    hooks->log = options.log;
    hooks->thread_begin = options.thread_begin;
    hooks->thread_end = options.thread_end;
    to.log_user = to.thread_user = hooks.get();
    if (hooks->log) to.log = detail::Hooks::call_log;
    if (hooks->thread_begin) to.thread_begin = detail::Hooks::call_begin;
    if (hooks->thread_end) to.thread_end = detail::Hooks::call_end;
    ecg2lab_model* loaded = nullptr;
    const std::int32_t status = load(&to, &loaded);
    Model model(loaded, hooks);
    detail::check(status);
    const std::lock_guard<std::mutex> lock(hooks->turn);
    if (hooks->failure) std::rethrow_exception(hooks->failure);
    return model;
  }

  template <class Ask>
  static Result asked(const Recording& recording, const Ask& ask) {
    detail::LentRecording lent;
    recording.lend(lent);
    ecg2lab_result* result = nullptr;
    const std::int32_t status = ask(&lent.c, &result);
    return {status, result};
  }

  std::unique_ptr<ecg2lab_model, detail::FreeThenForget> model_;
};

// ---- Stream ----

// A signal of one patient that is still coming in, answered every hop from its latest window. Of one thread at a time.
class [[nodiscard]] Stream {
 public:
  // `format` says what the samples will be; samples of its own are not looked at. Throws Error: refusals of format and
  // patient, ECG2LAB_ERROR_ARGUMENT on options that cannot be meant, ECG2LAB_ERROR_BACKEND if the model has no stream.
  static Stream open(const Model& model, const Recording& format, const Patient& patient = {},
                     const StreamOptions& options = {}) {
    detail::LentRecording lent;
    format.lend_format(lent);
    const ecg2lab_patient about = detail::to_c(patient);
    auto to = detail::initialised<ecg2lab_stream_options>(ecg2lab_stream_options_init);
    to.hop_s = options.hop.count();
    to.longest_gap_s = options.longest_gap.count();
    to.longest_backlog_s = options.longest_backlog.count();
    ecg2lab_stream* opened = nullptr;
    detail::check(ecg2lab_stream_open(model.model_.get(), &lent.c, &about, &to, &opened));
    return {opened, model.model_.get_deleter().hooks, format};
  }

  // Samples of every lead that follow those before, in the layout of the format, from a contiguous container. Cheap:
  // nothing is answered yet. Throws Error, and takes none of them: ECG2LAB_ERROR_RECORDING if one is infinite, the
  // signal has ended, or more than `longest_backlog` waits; ECG2LAB_ERROR_ARGUMENT if they are of another type than the
  // format's or not as many for each lead.
  template <class Samples, class Sample = detail::Element<Samples>, detail::IfSample<Sample> = 0>
  void push(const Samples& samples) {
    push(std::data(samples), std::size(samples));
  }
  // The same; `numbers` counts those of all leads together.
  template <class Sample, detail::IfSample<Sample> = 0>
  void push(const Sample* samples, std::size_t numbers) {
    push(samples, numbers, layout_.samples_of_each(numbers));
  }
  // The same of a format with strides of its own, for a buffer of `numbers` that has so many samples of each lead.
  template <class Sample, detail::IfSample<Sample> = 0>
  void push(const Sample* samples, std::size_t numbers, std::size_t samples_of_each) {
    if (detail::sample_code<Sample> != sample_type_) {
      detail::mistake("samples: the stream was opened for another type of them");
    }
    if (!layout_.fits(numbers, samples_of_each)) {
      detail::mistake("samples: " + std::to_string(samples_of_each) + " of each lead leave a buffer of " +
                      std::to_string(numbers));
    }
    detail::check(ecg2lab_stream_push(stream_.get(), samples, samples_of_each));
  }

  // The next window's answer or refusal, in the order of time; none is due: no value. Throws Error on anything else; a
  // window whose call was stopped stays due.
  [[nodiscard]] std::optional<Result> next(const Call& call = {}) {
    const ecg2lab_call within = call.to_c();
    ecg2lab_result* due = nullptr;
    const std::int32_t status = ecg2lab_stream_next_within(stream_.get(), &within, &due);
    if (due == nullptr && status == ECG2LAB_OK) return std::nullopt;
    return Result(status, due);
  }

  // Facts for the windows that come. Throws Error(ECG2LAB_ERROR_PATIENT) if they are refused, and keeps the former.
  void set_patient(const Patient& patient) {
    const ecg2lab_patient about = detail::to_c(patient);
    detail::check(ecg2lab_stream_patient(stream_.get(), &about));
  }

  // The signal ends here: the windows that wait for what follows become due. Throws Error.
  void finish() { detail::check(ecg2lab_stream_finish(stream_.get())); }

  // As it was opened: another recording of the same patient begins. Throws Error.
  void reset() { detail::check(ecg2lab_stream_reset(stream_.get())); }

  // How it stands, to go on later or in another process; signal, and no facts about the patient. Throws Error.
  [[nodiscard]] std::vector<std::byte> save() const {
    ecg2lab_bytes* made = nullptr;
    detail::check(ecg2lab_stream_save(stream_.get(), &made));
    const std::unique_ptr<ecg2lab_bytes, detail::Free> owned(made);
    const auto* const first = static_cast<const std::byte*>(made->data);
    return {first, first + made->size};
  }

  // Goes on where the stream stood that `save` was called of, and that was opened likewise. Throws
  // Error(ECG2LAB_ERROR_ARGUMENT), and changes nothing, if the bytes are damaged or of another kind of stream.
  void restore(const void* state, std::size_t size) {
    detail::check(ecg2lab_stream_restore(stream_.get(), state, size));
  }
  // The same of a container of bytes.
  template <class Bytes, class Byte = detail::Element<Bytes>, detail::IfByte<Byte> = 0>
  void restore(const Bytes& state) {
    restore(std::data(state), std::size(state));
  }

  // How it stands: samples so far, answers that are due, leads that are off. Valid until the next call with the stream.
  // Throws Error.
  const ecg2lab_stream_state& describe() & {
    const ecg2lab_stream_state* state = ecg2lab_stream_describe(stream_.get());
    if (state != nullptr) return *state;
    if (!stream_) detail::mistake("this stream was moved from");
    throw Error(ECG2LAB_ERROR_MEMORY, "out of memory");
  }

 private:
  Stream(ecg2lab_stream* stream, std::shared_ptr<detail::Hooks> hooks, const Recording& format)
      : stream_(stream, detail::FreeThenForget{std::move(hooks)}),
        layout_(format.layout()),
        sample_type_(format.sample_type_) {}

  std::unique_ptr<ecg2lab_stream, detail::FreeThenForget> stream_;
  detail::Layout layout_;
  std::int32_t sample_type_;
};

}  // namespace abi4
}  // namespace ecg2lab

#ifdef __cpp_lib_ranges
template <class Struct>
inline constexpr bool std::ranges::enable_view<ecg2lab::Range<Struct>> = true;
template <class Struct>
inline constexpr bool std::ranges::enable_borrowed_range<ecg2lab::Range<Struct>> = true;
#endif

#endif
