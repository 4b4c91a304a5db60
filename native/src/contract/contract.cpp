#include "contract/contract.h"

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdio>
#include <iterator>
#include <limits>
#include <optional>
#include <set>
#include <span>
#include <type_traits>
#include <utility>

#include "base/crc32.h"
#include "base/errors.h"
#include "base/number_text.h"
#include "contract/lead_names.h"
#include "contract/table.h"

namespace ecg2lab {
namespace {

void require_unique(const Field& field, const std::string& what, const std::vector<std::string>& names) {
  std::set<std::string> seen;
  for (const std::string& name : names) {
    if (!seen.insert(name).second) field.refuse(what + " '" + name + "' appears twice");
  }
}

template <typename T>
std::vector<std::string> names_of(const std::vector<T>& things) {
  std::vector<std::string> names;
  for (const T& thing : things) names.push_back(thing.name);
  return names;
}

// What the fields of a structure must be to each other; of most nothing is asked.
template <typename T>
void check(const Field&, const T&) {}

void check(const Field& field, const Signal& signal) {
  for (const std::string& lead : signal.leads) {
    if (canonical_lead(lead) != lead) field.refuse("unknown lead '" + lead + "'");
  }
  require_unique(field, "lead", signal.leads);
}

void check(const Field& field, const BandPass& filter) {
  if (!(filter.low_hz < filter.high_hz)) field.refuse("band_pass: low_hz is not below high_hz");
}

std::string_view name_of(const KnownNumber& number) { return number.name; }
std::string_view name_of(std::string_view category) { return category; }

template <typename T, std::size_t count>
std::string listed(const T (&things)[count]) {
  std::string all;
  for (const T& thing : things) all += (all.empty() ? "" : ", ") + std::string(name_of(thing));
  return all;
}

void check(const Field& field, const ContinuousFeature& feature) {
  const auto number = std::find_if(std::begin(kNumbers), std::end(kNumbers),
                                   [&](const KnownNumber& each) { return each.name == feature.name; });
  const std::string called = "feature '" + feature.name + "'";
  if (number == std::end(kNumbers)) field.refuse("unknown " + called + "; one of " + listed(kNumbers));
  if (feature.unit != number->unit) {
    field.refuse(called + " is in '" + std::string(number->unit) + "', not in '" + feature.unit + "'");
  }
  if (!(feature.minimum < feature.maximum)) field.refuse(called + ": minimum is not below maximum");
  if (feature.median && !(feature.minimum <= *feature.median && *feature.median <= feature.maximum)) {
    field.refuse(called + ": its median lies outside its own range");
  }
}

void check(const Field& field, const CategoricalFeature& feature) {
  const std::string called = "feature '" + feature.name + "'";
  if (std::find(std::begin(kCategories), std::end(kCategories), feature.name) == std::end(kCategories)) {
    field.refuse("unknown " + called + "; one of " + listed(kCategories));
  }
  require_unique(field, called + ": category", feature.categories);
  if (feature.missing_code && *feature.missing_code >= static_cast<std::int64_t>(feature.categories.size())) {
    field.refuse(called + ": missing_code " + std::to_string(*feature.missing_code) + " is not one of its categories");
  }
}

// One to seven digits, a hyphen, and the check digit.
bool is_loinc(std::string_view code) {
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::size_t hyphen = code.find('-');
  return hyphen <= 7 && digits(code.substr(0, hyphen)) && code.size() == hyphen + 2 && digits(code.substr(hyphen + 1));
}

void check(const Field& field, const Criterion& criterion) {
  if (criterion.loinc && !is_loinc(*criterion.loinc)) Fields(field).required("loinc").refuse("no LOINC code");
}

void check(const Field& field, const Measured& share) {
  if (!(share.low <= share.high)) field.refuse("low is above high");
}

void check(const Field& field, const OperatingPoint& point) {
  if (point.threshold.has_value() == point.reason.has_value()) {
    field.refuse("an operating point has a threshold, or the reason why there is none");
  }
  if (point.conformal && !point.threshold) {
    field.refuse("an operating point without a threshold has no conformal set");
  }
  if (point.threshold && !(point.prevalence && point.sensitivity && point.specificity)) {
    field.refuse("an operating point with a threshold states prevalence, sensitivity and specificity");
  }
}

// Of operating points or limits: each holds in a setting of its own.
template <typename Setting>
void require_distinct(const Field& field, const std::string& what, const std::vector<Setting>& settings) {
  std::set<std::pair<std::size_t, KnownFacts>> taken;
  for (const Setting& setting : settings) {
    if (taken.insert({setting.windows, setting.facts}).second) continue;
    field.refuse("two " + what + " with windows " + std::to_string(setting.windows) + " and facts '" +
                 std::string(word_of(setting.facts)) + "'");
  }
}

void check(const Field& field, const Decision& decision) {
  require_distinct(field, "operating points", decision.points);
}

void check(const Field& field, const TrainedRange& range) {
  if (range.minimum > range.maximum) field.refuse("the range of " + range.name + " ends before it begins");
}

void check(const Field& field, const Experience& experience) {
  require_distinct(field, "limits of experience", experience.limits);
  require_unique(field, "range", names_of(experience.ranges));
}

constexpr std::size_t kLongestCode = 20;

bool is_code_character(char c) {
  return (c >= '0' && c <= '9') || (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z') || c == '_' || c == '.' || c == '-';
}

bool is_code(std::string_view text) {
  return !text.empty() && text.size() <= kLongestCode && std::all_of(text.begin(), text.end(), is_code_character) &&
         std::string_view("_.-").find(text[0]) == std::string_view::npos;
}

void check(const Field& field, const Target& target) {
  if (target.code && !is_code(*target.code)) {
    Fields(field).required("code").refuse("no code: 1 to 20 letters, digits, '_', '.' or '-', a letter or digit first");
  }
  if (target.value) {
    field.refuse("target '" + target.name + "' is a value in " + target.value->unit +
                 ", which this ecg2lab cannot answer with: it was made for a newer one");
  }
  if (!target.decision || !target.decision_threshold) return;
  const auto& points = target.decision->points;
  if (std::none_of(points.begin(), points.end(),
                   [&](const auto& p) { return p.threshold == target.decision_threshold; }))
    field.refuse("target '" + target.name + "': decision_threshold " + number_text(*target.decision_threshold) +
                 " is that of none of its operating points");
}

void check(const Field& field, const Contract& contract) {
  std::vector<std::string> features = names_of(contract.continuous);
  const std::vector<std::string> categories = names_of(contract.categorical);
  features.insert(features.end(), categories.begin(), categories.end());
  require_unique(field, "feature", features);
  require_unique(field, "target", names_of(contract.targets));
  std::vector<std::string> codes;
  for (const Target& target : contract.targets) codes.push_back(code_of(target));
  require_unique(field, "code", codes);
  if (!contract.experience) return;
  const std::vector<std::string> numbers = names_of(contract.continuous);
  for (const TrainedRange& range : contract.experience->ranges) {
    if (std::find(numbers.begin(), numbers.end(), range.name) == numbers.end()) {
      field.refuse("experience has a range of '" + range.name + "', which the model does not take");
    }
  }
}

void check(const Field& field, const Limit& limit, const FaultRule& rule) {
  const bool both = limit.warn && limit.refuse;
  if (both && (rule.below ? *limit.refuse > *limit.warn : *limit.refuse < *limit.warn)) {
    field.refuse("quality: " + std::string(rule.name) + " refuses before it warns");
  }
}

// The limits of the header begin with the defaults of the table.
constexpr bool begins_with_standards() {
  std::size_t next = 0;
  for (const FaultRule& rule : kFaultRules) {
    if (!rule.limited) continue;
    const StandardLimit& limit = kStandardLimits[next++];
    if (limit.name != rule.name || limit.warn != rule.standard.warn || limit.refuse != rule.standard.refuse)
      return false;
  }
  return next == std::size(kStandardLimits);
}
static_assert(begins_with_standards());

// Reads one object into a structure, each field as the table says.
class Reader {
 public:
  template <typename Rule, typename T>
  static void read(const Field& field, const Rule& rule, T& member) {
    read_value(field, rule, member);
  }
  template <typename Rule, typename T>
  static void read(const Field& field, const Rule& rule, std::optional<T>& member) {
    member.reset();
    if (!field.is_null()) read_value(field, rule, member.emplace());
  }

  template <typename Rule, typename T>
  void required(const char* name, T& member, const Rule& rule) {
    read(fields_.required(name), rule, member);
  }

  template <typename Rule, typename T>
  void optional(const char* name, std::optional<T>& member, const Rule& rule) {
    member.reset();
    if (const auto field = fields_.find(name)) read(*field, rule, member);
  }

  template <typename Rule, typename T>
  void optional(const char* name, std::vector<T>& members, const Rule& rule) {
    members.clear();
    if (const auto field = fields_.find(name)) read(*field, rule, members);
  }

  template <typename T>
    requires std::is_aggregate_v<T>
  void optional(const char* name, T& structure, const StructRule& rule) {
    static const Json defaults{Json::Object{}};
    read(fields_.find(name).value_or(Field(defaults, name)), rule, structure);
  }

  template <typename Rule, typename T, typename Value>
  void optional(const char* name, T& member, const Rule& rule, const Value& otherwise) {
    if (const auto field = fields_.find(name)) {
      read(*field, rule, member);
    } else if constexpr (std::is_enum_v<T>) {
      member = from_word<T>(otherwise);
    } else {
      member = otherwise;
    }
  }

  template <typename Rule>
  void constant(const char* name, const Rule& rule) {
    typename Rule::value_type value;
    if (const auto field = fields_.find(name)) read(*field, rule, value);
  }

 private:
  explicit Reader(const Field& object) : fields_(object) {}

  template <typename T>
  static void read_value(const Field& field, const StructRule&, T& structure) {
    Reader reader(field);
    visit_fields(structure, reader);
    reader.fields_.refuse_unknown();
    check(field, structure);
  }

  template <typename Rule, typename T>
  static void read_value(const Field& field, const ListRule<Rule>& rule, std::vector<T>& members) {
    members.clear();
    for (const Field& item : field.items(rule.fewest)) read(item, rule.item, members.emplace_back());
  }

  static void read_value(const Field& field, const NumberRule& rule, double& value) {
    value = field.number();
    const auto refuse = [&](const char* sign, double bound) {
      field.refuse(std::string("expected a number ") + sign + " " + number_text(bound));
    };
    if (rule.above && !(value > *rule.above)) refuse(">", *rule.above);
    if (rule.least && !(value >= *rule.least)) refuse(">=", *rule.least);
    if (rule.below && !(value < *rule.below)) refuse("<", *rule.below);
    if (rule.most && !(value <= *rule.most)) refuse("<=", *rule.most);
  }

  template <typename T>
  static void read_value(const Field& field, const IntegerRule& rule, T& value) {
    value = static_cast<T>(field.integer(*rule.least, rule.most.value_or(std::numeric_limits<std::int64_t>::max())));
  }

  static void read_value(const Field& field, const TextRule& rule, std::string& text) {
    text = field.text(rule.shortest, rule.longest.value_or(std::numeric_limits<std::size_t>::max()));
  }

  template <typename T>
  static void read_value(const Field& field, const Words& words, T& value) {
    const std::string& word = words[field.word(words)];
    if constexpr (std::is_enum_v<T>) {
      value = from_word<T>(word);
    } else {
      value = word;
    }
  }

  template <typename T>
  static void read_value(const Field& field, const Numbers& numbers, T& value) {
    const std::int64_t number = field.integer(numbers.front(), numbers.back());
    if (std::find(numbers.begin(), numbers.end(), number) == numbers.end()) {
      std::string all;
      for (const std::int64_t each : numbers) all += (all.empty() ? "" : " or ") + std::to_string(each);
      field.refuse("expected " + all);
    }
    value = static_cast<T>(number);
  }

  static void read_value(const Field& field, const StructRule& rule, QualityLimits& quality) {
    Fields fields(field);
    for (std::size_t i = 0; i < kFaults; ++i) {
      const FaultRule& fault = kFaultRules[i];
      const auto limit = fault.limited ? fields.find(std::string(fault.name)) : std::nullopt;
      if (!limit) continue;
      read(*limit, rule, quality.limits[i]);
      check(*limit, quality.limits[i], fault);
    }
    fields.refuse_unknown();
  }

  template <typename Enum>
  static Enum from_word(std::string_view word) {
    constexpr auto words = words_of(Enum{});
    return static_cast<Enum>(std::find(words.begin(), words.end(), word) - words.begin());
  }

  Fields fields_;
};

}  // namespace

std::string code_of(const Target& target) {
  if (target.code) return *target.code;
  if (is_code(target.name)) return target.name;
  constexpr std::string_view kBetween = "_.-";
  constexpr std::size_t kDigits = 8;
  std::string begin;
  for (const char c : target.name) {
    if (is_code_character(c) && !(begin.empty() && kBetween.find(c) != std::string_view::npos)) begin += c;
    if (begin.size() == kLongestCode - kDigits - 1) break;
  }
  begin.resize(begin.find_last_not_of(kBetween) + 1);
  std::array<char, kDigits + 1> checksum{};
  std::snprintf(checksum.data(), checksum.size(), "%08x", crc32(std::as_bytes(std::span(target.name))));
  return begin + (begin.empty() ? "" : "_") + checksum.data();
}

std::size_t Contract::continuous_columns() const {
  return continuous.size() * (missing_flags == MissingFlags::continuous ? 2 : 1);
}

std::vector<std::size_t> Contract::codes_per_column() const {
  std::vector<std::size_t> codes;
  for (const CategoricalFeature& feature : categorical) codes.push_back(feature.categories.size());
  if (missing_flags == MissingFlags::categorical) codes.resize(codes.size() + continuous.size(), 2);
  return codes;
}

Contract read_contract(const Field& field) {
  Contract contract{};
  Reader::read(field, StructRule{}, contract);
  return contract;
}

Contract decode_contract(std::string_view text, const std::string& source) {
  try {
    const Json json = parse_json(text);
    return read_contract(Field(json, "$"));
  } catch (const std::invalid_argument& error) {  // JsonError, FieldError
    throw Error(ErrorKind::contract, source + " is not a valid contract: " + error.what());
  }
}

}  // namespace ecg2lab
