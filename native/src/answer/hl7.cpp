#include "answer/hl7.h"

#include <algorithm>
#include <array>
#include <charconv>
#include <cstdint>
#include <initializer_list>
#include <span>
#include <stdexcept>
#include <vector>

#include "base/number_text.h"
#include "base/utf8.h"
#include "bundle/sha256.h"

namespace ecg2lab {
namespace {

constexpr std::string_view kCodingSystem = "99E2L";  // a local one (table 0396)
constexpr std::string_view kService = "Laboratory abnormalities estimated from the 12-lead ECG";
constexpr std::size_t kIdentifier = 20, kEntity = 22;  // characters in the standard
constexpr int kMostDecimals = 12;

// Text without what the standard's delimiters mean, and without what cannot be printed.
std::string escaped(std::string_view text) {
  std::string out;
  for (const char c : printable(text)) {
    constexpr std::string_view kDelimiters = "|^&~\\", kLetters = "FSTRE";
    const std::size_t at = kDelimiters.find(c);
    if (at == std::string_view::npos) {
      out += c;
    } else {
      out += {'\\', kLetters[at], '\\'};
    }
  }
  return out;
}

std::string joined_by(char separator, const std::vector<std::string>& parts) {
  std::string out;
  std::size_t count = parts.size();
  while (count > 0 && parts[count - 1].empty()) --count;
  for (std::size_t i = 0; i < count; ++i) {
    if (i > 0) out += separator;
    out += parts[i];
  }
  return out;
}

std::string components(std::initializer_list<std::string_view> parts) {
  std::vector<std::string> texts;
  for (const std::string_view part : parts) texts.push_back(escaped(part));
  return joined_by('^', texts);
}

// Fields are set by their number in the standard.
class Segment {
 public:
  explicit Segment(std::string_view name) : fields_{std::string(name)} {}
  Segment& set(std::size_t number, std::string field) {
    if (fields_.size() <= number) fields_.resize(number + 1);
    fields_[number] = std::move(field);
    return *this;
  }
  Segment& text(std::size_t number, std::string_view field) { return set(number, escaped(field)); }
  std::string line() const { return joined_by('|', fields_) + '\r'; }

 private:
  std::vector<std::string> fields_;
};

void require_length(const char* what, std::string_view value, std::size_t most) {
  if (count_characters(printable(value)) <= most) return;
  throw std::invalid_argument(std::string(what) + " is longer than " + std::to_string(most) + " characters");
}

void require_time(const char* what, std::string_view value) {
  if (value.empty()) return;
  const std::size_t zone = value.find_first_of("+-");
  const std::string_view moment = value.substr(0, zone);
  const std::string_view offset = zone == std::string_view::npos ? "0000" : value.substr(zone + 1);
  const auto digits = [](std::string_view text) {
    return text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  constexpr std::array<std::size_t, 5> kLengths{4, 6, 8, 12, 14};
  const bool known = std::find(kLengths.begin(), kLengths.end(), moment.size()) != kLengths.end();
  if (known && digits(moment) && offset.size() == 4 && digits(offset)) return;
  throw std::invalid_argument(std::string(what) + " is no time such as 20261130142530+0100");
}

struct Length {
  const char* name;
  std::string Hl7Envelope::* field;
  std::size_t most;
};

constexpr Length kLengths[] = {
#define ECG2LAB_HL7_TEXT(name, longest, usual) {#name, &Hl7Envelope::name, longest},
#include "answer/hl7_fields.inc"
#undef ECG2LAB_HL7_TEXT
};

void check(const Hl7Envelope& envelope) {
  for (const Length& length : kLengths) require_length(length.name, envelope.*length.field, length.most);
  require_time("time", envelope.time);
  require_time("observed", envelope.observed);
  require_time("birth_date", envelope.birth_date);
  if (envelope.result_status.empty()) throw std::invalid_argument("result_status must be a code of table 0123");
}

std::string fixed(double value, int decimals) {
  std::array<char, 400> text;
  const auto end = std::to_chars(text.data(), text.data() + text.size(), value, std::chars_format::fixed, decimals).ptr;
  return {text.data(), end};
}

double value_of(const std::string& text) {
  double value = 0;
  std::from_chars(text.data(), text.data() + text.size(), value);
  return value;
}

struct Percent {
  std::string probability;
  std::string threshold;  // empty: none
};

// To as many decimals as it takes that both say what was decided.
Percent percent(double probability, const std::optional<double>& threshold) {
  for (int decimals = 1;; ++decimals) {
    Percent said{fixed(100 * probability, decimals), threshold ? fixed(100 * *threshold, decimals) : ""};
    const bool true_to =
        !threshold || (value_of(said.probability) >= value_of(said.threshold)) == (probability >= *threshold);
    if (true_to || decimals == kMostDecimals) return said;
  }
}

std::string share(const Measured& measured) {
  const auto whole = [](double value) { return number_text(100 * value, 3); };
  return whole(measured.value) + " % (" + whole(measured.low) + " to " + whole(measured.high) + ")";
}

// What a flag, or its absence, was worth where it was measured.
std::string worth(const OperatingPoint& point) {
  std::string said;
  const auto add = [&said](const char* name, const std::optional<Measured>& measured) {
    if (measured) said += (said.empty() ? "" : ", ") + std::string(name) + " " + share(*measured);
  };
  add("sensitivity", point.sensitivity);
  add("specificity", point.specificity);
  add("positive predictive value", point.ppv);
  add("negative predictive value", point.npv);
  if (said.empty()) return said;
  return "At this threshold " + said + ", measured on " + std::to_string(point.patients) + " patients" +
         (point.facts == KnownFacts::age_and_sex ? " with age and sex alone" : "");
}

std::string name_of(const FindingNote& finding) {
  if (!finding.criterion) return finding.target + ", estimated";
  const Criterion& criterion = *finding.criterion;
  std::string name = criterion.lab + " " + criterion.comparison + " " + number_text(criterion.threshold);
  if (!criterion.unit.empty()) name += " " + criterion.unit;
  if (criterion.setting == Setting::forecasting) name += " within " + std::to_string(criterion.horizon_min) + " min";
  return name + ", estimated";
}

std::string said_of(const FactValue& value) {
  if (const double* number = std::get_if<double>(&value)) return number_text(*number);
  if (const std::string* word = std::get_if<std::string>(&value)) return *word;
  return std::get<EncodedJson>(value).text;
}

std::string said_of(const Named<FactValue>& facts) {
  std::string said;
  for (const auto& [name, value] : facts) said += (said.empty() ? "" : ", ") + name + " " + said_of(value);
  return said;
}

// Facts whose origin is stated, with it.
std::string said_of_origins(const PatientNote& patient) {
  std::string said;
  for (const auto& [name, value] : patient.given) {
    for (const auto& [fact, origin] : patient.origins) {
      if (fact == name) said += (said.empty() ? "" : "; ") + name + " " + said_of(value) + ": " + origin;
    }
  }
  return said;
}

std::string base64(std::string_view content) {
  constexpr std::string_view kDigits = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
  std::string out;
  out.reserve((content.size() + 2) / 3 * 4);
  for (std::size_t at = 0; at < content.size(); at += 3) {
    const std::size_t count = std::min<std::size_t>(content.size() - at, 3);
    std::uint32_t bits = 0;
    for (std::size_t i = 0; i < 3; ++i) {
      bits = bits << 8 | (i < count ? static_cast<unsigned char>(content[at + i]) : 0U);
    }
    for (std::size_t i = 0; i < 4; ++i) out += i <= count ? kDigits[bits >> (18 - 6 * i) & 63] : '=';
  }
  return out;
}

// A message while it is written; `control_id` is that of the envelope, or what was derived.
class Hl7Writer {
 public:
  Hl7Writer(const Hl7Envelope& envelope, const EngineNote& engine, const std::string& control_id, bool answered)
      : envelope_(envelope), status_(answered ? envelope.result_status : "X"), control_id_(control_id) {
    header();
    patient();
    order();
    std::string versions;
    for (const auto& [name, version] : engine.versions) {
      if (name == "ecg2lab") versions = name + " " + version;
    }
    const std::string device = envelope.device.empty() ? versions.substr(0, kEntity) : envelope.device;
    device_ = escaped(device) + "~" + engine.bundle_digest.substr(0, kEntity);
  }

  void note(const std::string& text) {
    if (text.empty()) return;
    text_ += Segment("NTE").set(1, std::to_string(++notes_)).set(2, "L").text(3, text).line();
  }

  // An observation; notes after it are its own.
  void observe(std::string_view type, const std::string& identifier, std::string value, const std::string& unit = {},
               const std::string& range = {}, const std::string& flag = {}) {
    notes_ = 0;
    text_ += Segment("OBX")
                 .set(1, std::to_string(++observations_))
                 .set(2, std::string(type))
                 .set(3, identifier)
                 .set(5, std::move(value))
                 .set(6, unit)
                 .text(7, range)
                 .text(8, flag)
                 .text(11, status_)
                 .text(14, envelope_.observed)
                 .set(18, device_)
                 .line();
  }

  const std::string& text() const { return text_; }

 private:
  void header() {
    // The first field is the separator before it.
    text_ += Segment("MSH")
                 .set(1, "^~\\&")
                 .text(2, envelope_.sending_application)
                 .text(3, envelope_.sending_facility)
                 .text(4, envelope_.receiving_application)
                 .text(5, envelope_.receiving_facility)
                 .text(6, envelope_.time)
                 .set(8, "ORU^R01^ORU_R01")
                 .text(9, control_id_)
                 .text(10, envelope_.processing_id)
                 .set(11, "2.5.1")
                 .set(14, "NE")  // no acknowledgement that it was accepted, but one that it was taken over
                 .set(15, "AL")
                 .set(17, "UNICODE UTF-8")
                 .line();
  }

  void patient() {
    if (envelope_.patient_id.empty()) return;
    const bool named = !(envelope_.family_name.empty() && envelope_.given_name.empty());
    text_ += Segment("PID")
                 .set(1, "1")
                 .set(3, components({envelope_.patient_id, "", "", envelope_.patient_authority, "MR"}))
                 .set(5, named ? components({envelope_.family_name, envelope_.given_name}) : "^^^^^^U")
                 .text(7, envelope_.birth_date)
                 .text(8, envelope_.sex)
                 .line();
    if (envelope_.patient_class.empty() && envelope_.location.empty() && envelope_.visit_number.empty()) return;
    text_ += Segment("PV1")
                 .set(1, "1")
                 .text(2, envelope_.patient_class.empty() ? "U" : envelope_.patient_class)
                 .text(3, envelope_.location)
                 .text(19, envelope_.visit_number)
                 .line();
  }

  void order() {
    const std::string& filler = envelope_.filler_order.empty() ? control_id_ : envelope_.filler_order;
    text_ += Segment("ORC").set(1, "RE").text(2, envelope_.placer_order).text(3, filler).line();
    text_ += Segment("OBR")
                 .set(1, "1")
                 .text(2, envelope_.placer_order)
                 .text(3, filler)
                 .set(4, components({"ECG2LAB", kService, kCodingSystem}))
                 .text(7, envelope_.observed)
                 .text(18, envelope_.accession)
                 .text(22, envelope_.time)
                 .set(24, "EC")
                 .text(25, status_)
                 .line();
  }

  const Hl7Envelope& envelope_;
  std::string status_, control_id_, device_, text_;
  std::size_t observations_ = 0, notes_ = 0;
};

void write_quality(Hl7Writer& message, const std::optional<QualityNote>& quality) {
  if (!quality) return;
  for (const FaultNote& fault : quality->faults) message.note("Quality: " + fault.message);
}

void write_engine(Hl7Writer& message, const EngineNote& engine) {
  message.note("Model " + engine.model + ", SHA-256 of its manifest " + engine.bundle_digest);
}

void write_document(Hl7Writer& message, const Hl7Envelope& envelope) {
  if (envelope.document.empty()) return;
  const std::string type = components({"", envelope.document_type, envelope.document_subtype, "Base64"});
  message.observe("ED", components({"REPORT", "Report", kCodingSystem}), type + "^" + base64(envelope.document));
}

void write_finding(Hl7Writer& message, const FindingNote& finding, const Hl7Envelope& envelope) {
  const Percent said = percent(finding.probability, finding.decision_threshold);
  const bool flagged = finding.detected.value_or(false);
  message.observe("NM", components({finding.code, name_of(finding), kCodingSystem}), said.probability, "%^percent^UCUM",
                  said.threshold.empty() ? "" : "<" + said.threshold, flagged ? envelope.abnormal_flag : "");
  message.note(finding.verdict + (finding.reason ? ": " + *finding.reason : ""));
  if (finding.operating_point) message.note(worth(*finding.operating_point));
}

std::string write(const PredictionNote& prediction, const Hl7Envelope& envelope, const std::string& control_id) {
  Hl7Writer message(envelope, prediction.engine, control_id, true);
  message.note(prediction.notice);
  write_engine(message, prediction.engine);
  if (const std::string origins = said_of_origins(prediction.patient); !origins.empty()) {
    message.note("Given, and where from: " + origins);
  }
  for (const std::string& note : prediction.patient.notes) message.note(note);
  if (!prediction.patient.imputed.empty()) {
    message.note("Not given, and replaced by the training set's medians: " + said_of(prediction.patient.imputed));
  }
  for (const std::string& fact : prediction.patient.out_of_range) {
    message.note("Outside the model's range, and counted as not given: " + fact);
  }
  write_quality(message, prediction.recording.quality);
  for (const FindingNote& finding : prediction.findings) write_finding(message, finding, envelope);
  write_document(message, envelope);
  return message.text();
}

std::string write(const RefusalNote& refusal, const EngineNote& engine, const Hl7Envelope& envelope,
                  const std::string& control_id) {
  Hl7Writer message(envelope, engine, control_id, false);
  message.note(engine.notice);
  write_engine(message, engine);
  message.observe("ST", components({"REFUSED", "No estimate for this ECG", kCodingSystem}),
                  refusal.error ? escaped(refusal.error->message) : "");
  write_quality(message, refusal.quality);
  write_document(message, envelope);
  return message.text();
}

// By the message itself, so that a repeat of it is known as one.
std::string derived_id(const std::string& message) {
  return sha256(std::as_bytes(std::span(message))).substr(0, kIdentifier);
}

template <typename Write>
std::string with_control_id(const Hl7Envelope& envelope, const Write& written) {
  check(envelope);
  if (!envelope.control_id.empty()) return written(envelope, envelope.control_id);
  Hl7Envelope timeless = envelope;
  timeless.time.clear();
  return written(envelope, derived_id(written(timeless, "")));
}

}  // namespace

void set_field(Hl7Envelope& envelope, std::string_view name, std::string_view value) {
  const auto known =
      std::find_if(std::begin(kLengths), std::end(kLengths), [&](const Length& each) { return each.name == name; });
  if (known == std::end(kLengths)) throw std::invalid_argument("a message has no '" + printable(name) + "'");
  envelope.*known->field = value;
}

std::string to_hl7(const PredictionNote& prediction, const Hl7Envelope& envelope) {
  if (prediction.refusal) {  // a window of a stream
    return to_hl7(RefusalNote{"", prediction.refusal, prediction.recording.quality}, prediction.engine, envelope);
  }
  return with_control_id(envelope,
                         [&](const Hl7Envelope& of, const std::string& id) { return write(prediction, of, id); });
}

std::string to_hl7(const RefusalNote& refusal, const EngineNote& engine, const Hl7Envelope& envelope) {
  return with_control_id(envelope,
                         [&](const Hl7Envelope& of, const std::string& id) { return write(refusal, engine, of, id); });
}

}  // namespace ecg2lab
