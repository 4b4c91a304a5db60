#include "contract/contract.h"

#include <algorithm>
#include <cmath>
#include <iterator>
#include <limits>
#include <optional>
#include <set>

#include "base/errors.h"
#include "base/number_text.h"
#include "contract/lead_names.h"

namespace ecg2lab {
namespace {

// What a field is held to; where nothing is said it may be anything of its type.
struct NumberRule {
  std::optional<double> above, least, below, most;
};
struct IntegerRule {
  std::optional<std::int64_t> above, least, below, most;
};
struct TextRule {
  std::size_t shortest;
  std::optional<std::size_t> longest;
};
// With the only unit that its name allows.
struct KnownNumber {
  std::string_view name, unit;
};
struct StandardLimit {
  std::string_view name;
  std::optional<double> warn, refuse;
};

#include "contract/table.inc"

double read(const Field& field, const NumberRule& rule) {
  const double value = field.number();
  const auto refuse = [&](const char* sign, double bound) {
    field.refuse(std::string("expected a number ") + sign + " " + number_text(bound));
  };
  if (rule.above && !(value > *rule.above)) refuse(">", *rule.above);
  if (rule.least && !(value >= *rule.least)) refuse(">=", *rule.least);
  if (rule.below && !(value < *rule.below)) refuse("<", *rule.below);
  if (rule.most && !(value <= *rule.most)) refuse("<=", *rule.most);
  return value;
}

std::int64_t read(const Field& field, const IntegerRule& rule) {
  return field.integer(*rule.least, rule.most.value_or(std::numeric_limits<std::int64_t>::max()));
}

std::string read(const Field& field, const TextRule& rule) {
  return field.text(rule.shortest, rule.longest.value_or(std::numeric_limits<std::size_t>::max()));
}

template <std::size_t count>
std::string read(const Field& field, const char* const (&words)[count]) {
  return words[field.word({std::begin(words), std::end(words)})];
}

template <std::size_t count>
std::int64_t read(const Field& field, const std::int64_t (&numbers)[count]) {
  const std::int64_t value = field.integer(numbers[0], numbers[count - 1]);
  if (std::find(std::begin(numbers), std::end(numbers), value) != std::end(numbers)) return value;
  std::string all;
  for (const std::int64_t number : numbers) all += (all.empty() ? "" : " or ") + std::to_string(number);
  field.refuse("expected " + all);
}

// Of a field that may be absent, and then has its default.
template <typename Rule, typename Value>
auto read_or(Fields& fields, const char* name, const Rule& rule, const Value& otherwise) {
  const auto field = fields.find(name);
  return field ? read(*field, rule) : static_cast<decltype(read(*field, rule))>(otherwise);
}

template <typename Rule>
void read_if_stated(Fields& fields, const char* name, const Rule& rule) {
  if (const auto field = fields.find(name)) read(*field, rule);
}

std::vector<std::string> read_names(const Field& field, std::size_t fewest, const TextRule& rule) {
  std::vector<std::string> names;
  for (const Field& item : field.items(fewest)) names.push_back(read(item, rule));
  return names;
}

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

Signal read_signal(const Field& field) {
  Fields fields(field);
  Signal signal{
      .leads = read_names(fields.required("leads"), kSignal_leads_fewest, kSignal_leads),
      .sampling_rate_hz = read(fields.required("sampling_rate_hz"), kSignal_sampling_rate_hz),
      .window_samples = static_cast<std::size_t>(read(fields.required("window_samples"), kSignal_window_samples))};
  read_if_stated(fields, "unit", kSignal_unit);
  fields.refuse_unknown();
  for (const std::string& lead : signal.leads) {
    if (canonical_lead(lead) != lead) field.refuse("unknown lead '" + lead + "'");
  }
  require_unique(field, "lead", signal.leads);
  return signal;
}

BandPass read_band_pass(const Field& field) {
  Fields fields(field);
  const BandPass filter{.low_hz = read(fields.required("low_hz"), kBandPass_low_hz),
                        .high_hz = read(fields.required("high_hz"), kBandPass_high_hz),
                        .order = static_cast<int>(read_or(fields, "order", kBandPass_order, kBandPass_order_default))};
  fields.refuse_unknown();
  if (!(filter.low_hz < filter.high_hz)) field.refuse("band_pass: low_hz is not below high_hz");
  return filter;
}

Notch read_notch(const Field& field) {
  Fields fields(field);
  const Notch filter{.frequency_hz = static_cast<double>(read(fields.required("frequency_hz"), kNotch_frequency_hz)),
                     .quality = read_or(fields, "quality", kNotch_quality, kNotch_quality_default)};
  fields.refuse_unknown();
  return filter;
}

Preprocessing read_preprocessing(const Field& field) {
  Fields fields(field);
  Preprocessing preprocessing;
  read_if_stated(fields, "missing_samples", kPreprocessing_missing_samples);
  if (const auto filter = fields.find_value("band_pass")) preprocessing.filters.band_pass = read_band_pass(*filter);
  if (const auto filter = fields.find_value("notch")) preprocessing.filters.notch = read_notch(*filter);
  preprocessing.clip_mv = read_or(fields, "clip_mv", kPreprocessing_clip_mv, kPreprocessing_clip_mv_default);
  read_if_stated(fields, "resampler", kPreprocessing_resampler);
  fields.refuse_unknown();
  return preprocessing;
}

TopCode read_top_code(const Field& field) {
  Fields fields(field);
  const TopCode code{.above = read(fields.required("above"), kTopCode_above),
                     .value = read(fields.required("value"), kTopCode_value)};
  fields.refuse_unknown();
  return code;
}

std::string_view name_of(const KnownNumber& number) { return number.name; }
std::string_view name_of(std::string_view category) { return category; }

template <typename T, std::size_t count>
std::string listed(const T (&things)[count]) {
  std::string all;
  for (const T& thing : things) all += (all.empty() ? "" : ", ") + std::string(name_of(thing));
  return all;
}

void check_continuous(const Field& field, const ContinuousFeature& feature) {
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

ContinuousFeature read_continuous(const Field& field) {
  Fields fields(field);
  ContinuousFeature feature{.name = read(fields.required("name"), kContinuousFeature_name),
                            .unit = read(fields.required("unit"), kContinuousFeature_unit),
                            .minimum = read(fields.required("minimum"), kContinuousFeature_minimum),
                            .maximum = read(fields.required("maximum"), kContinuousFeature_maximum),
                            .median = {},
                            .top_code = {}};
  if (const auto median = fields.find_value("median")) feature.median = read(*median, kContinuousFeature_median);
  if (const auto code = fields.find_value("top_code")) feature.top_code = read_top_code(*code);
  fields.refuse_unknown();
  check_continuous(field, feature);
  return feature;
}

CategoricalFeature read_categorical(const Field& field) {
  Fields fields(field);
  CategoricalFeature feature{
      .name = read(fields.required("name"), kCategoricalFeature_name),
      .categories = read_names(fields.required("categories"), kCategoricalFeature_categories_fewest,
                               kCategoricalFeature_categories),
      .missing_code = {}};
  const std::string called = "feature '" + feature.name + "'";
  if (std::find(std::begin(kCategories), std::end(kCategories), feature.name) == std::end(kCategories)) {
    field.refuse("unknown " + called + "; one of " + listed(kCategories));
  }
  require_unique(field, called + ": category", feature.categories);
  if (const auto code = fields.find_value("missing_code")) {
    feature.missing_code = read(*code, kCategoricalFeature_missing_code);
    if (*feature.missing_code >= static_cast<std::int64_t>(feature.categories.size())) {
      field.refuse(called + ": missing_code " + std::to_string(*feature.missing_code) +
                   " is not one of its categories");
    }
  }
  fields.refuse_unknown();
  return feature;
}

// One to seven digits, a hyphen, and the check digit.
bool is_loinc(std::string_view code) {
  const auto digits = [](std::string_view text) {
    return !text.empty() && text.find_first_not_of("0123456789") == std::string_view::npos;
  };
  const std::size_t hyphen = code.find('-');
  return hyphen <= 7 && digits(code.substr(0, hyphen)) && code.size() == hyphen + 2 && digits(code.substr(hyphen + 1));
}

Criterion read_criterion(const Field& field) {
  Fields fields(field);
  const Field loinc = fields.required("loinc");
  const bool now = read(fields.required("setting"), kCriterion_setting) == "prediction";
  Criterion criterion{.lab = read(fields.required("lab"), kCriterion_lab),
                      .loinc = {},
                      .unit = read(fields.required("unit"), kCriterion_unit),
                      .comparison = read(fields.required("comparison"), kCriterion_comparison),
                      .threshold = read(fields.required("threshold"), kCriterion_threshold),
                      .setting = now ? Setting::prediction : Setting::forecasting,
                      .horizon_min = read(fields.required("horizon_min"), kCriterion_horizon_min),
                      .category = read_or(fields, "category", kCriterion_category, kCriterion_category_default)};
  if (!loinc.is_null()) {
    criterion.loinc = read(loinc, kCriterion_loinc);
    if (!is_loinc(*criterion.loinc)) loinc.refuse("no LOINC code");
  }
  fields.refuse_unknown();
  return criterion;
}

Calibration read_calibration(const Field& field) {
  Fields fields(field);
  const Calibration calibration{.slope = read(fields.required("slope"), kCalibration_slope),
                                .intercept = read(fields.required("intercept"), kCalibration_intercept)};
  fields.refuse_unknown();
  return calibration;
}

Target read_target(const Field& field) {
  Fields fields(field);
  Target target{.name = read(fields.required("name"), kTarget_name),
                .criterion = {},
                .decision_threshold = {},
                .calibration = {}};
  if (const auto criterion = fields.find_value("criterion")) target.criterion = read_criterion(*criterion);
  if (const auto p = fields.find_value("decision_threshold"))
    target.decision_threshold = read(*p, kTarget_decision_threshold);
  if (const auto calibration = fields.find_value("calibration")) target.calibration = read_calibration(*calibration);
  fields.refuse_unknown();
  return target;
}

Population read_population(const Field& field) {
  Fields fields(field);
  const Population population{read_or(fields, "minimum_age", kPopulation_minimum_age, kPopulation_minimum_age_default)};
  fields.refuse_unknown();
  return population;
}

Limit read_limit(const Field& field, const FaultRule& rule) {
  Fields fields(field);
  Limit limit;
  if (const auto warn = fields.find_value("warn")) limit.warn = read(*warn, kLimit_warn);
  if (const auto refuse = fields.find_value("refuse")) limit.refuse = read(*refuse, kLimit_refuse);
  fields.refuse_unknown();
  const bool both = limit.warn && limit.refuse;
  if (both && (rule.below ? *limit.refuse > *limit.warn : *limit.refuse < *limit.warn)) {
    field.refuse("quality: " + std::string(rule.name) + " refuses before it warns");
  }
  return limit;
}

// The structs of the header begin with the defaults of the table.
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
static_assert(begins_with_standards() && Population{}.minimum_age == kPopulation_minimum_age_default);
static_assert(Preprocessing{}.clip_mv == kPreprocessing_clip_mv_default);

QualityLimits read_quality(const Field& field) {
  Fields fields(field);
  QualityLimits quality;
  for (std::size_t i = 0; i < kFaults; ++i) {
    const FaultRule& rule = kFaultRules[i];
    if (!rule.limited) continue;
    if (const auto limit = fields.find(std::string(rule.name))) quality.limits[i] = read_limit(*limit, rule);
  }
  fields.refuse_unknown();
  return quality;
}

}  // namespace

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
  Fields fields(field);
  read_if_stated(fields, "schema_version", kContract_schema_version);
  Contract contract{.name = read(fields.required("name"), kContract_name),
                    .signal = read_signal(fields.required("signal")),
                    .preprocessing = read_preprocessing(fields.required("preprocessing")),
                    .continuous = {},
                    .categorical = {},
                    .targets = {},
                    .population = {},
                    .quality = {}};
  for (const Field& item : fields.required("continuous").items()) contract.continuous.push_back(read_continuous(item));
  for (const Field& item : fields.required("categorical").items()) {
    contract.categorical.push_back(read_categorical(item));
  }
  if (const auto flags = fields.find("missing_flags")) {
    const std::string word = read(*flags, kContract_missing_flags);
    contract.missing_flags = word == "none"         ? MissingFlags::none
                             : word == "continuous" ? MissingFlags::continuous
                                                    : MissingFlags::categorical;
  }
  for (const Field& item : fields.required("targets").items(kContract_targets_fewest))
    contract.targets.push_back(read_target(item));
  if (const auto population = fields.find("population")) contract.population = read_population(*population);
  if (const auto quality = fields.find("quality")) contract.quality = read_quality(*quality);
  fields.refuse_unknown();

  std::vector<std::string> features = names_of(contract.continuous);
  const std::vector<std::string> categories = names_of(contract.categorical);
  features.insert(features.end(), categories.begin(), categories.end());
  require_unique(field, "feature", features);
  require_unique(field, "target", names_of(contract.targets));
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
