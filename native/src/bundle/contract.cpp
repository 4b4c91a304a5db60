#include "bundle/contract.h"

#include <algorithm>
#include <cmath>
#include <set>

#include "base/errors.h"
#include "prepare/lead_names.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kLongestName = 120;

std::string read_name(const Field& field) { return field.text(1, kLongestName); }

double read_positive(const Field& field) {
  const double value = field.number();
  if (!(value > 0)) field.refuse("expected a number > 0");
  return value;
}

std::vector<std::string> read_names(const Field& field, std::size_t fewest) {
  std::vector<std::string> names;
  for (const Field& item : field.items(fewest)) names.push_back(read_name(item));
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
  const Field rate = fields.required("sampling_rate_hz");
  Signal signal{.leads = read_names(fields.required("leads"), 1),
                .sampling_rate_hz = read_positive(rate),
                .window_samples = static_cast<std::size_t>(fields.required("window_samples").integer(2, 1'000'000))};
  if (signal.sampling_rate_hz > 10'000) rate.refuse("expected a number <= 10000");
  if (const auto unit = fields.find("unit")) unit->word({"mV"});
  fields.refuse_unknown();
  for (const std::string& lead : signal.leads) {
    if (canonical_lead(lead) != lead) field.refuse("unknown lead '" + lead + "'");
  }
  require_unique(field, "lead", signal.leads);
  return signal;
}

BandPass read_band_pass(const Field& field) {
  Fields fields(field);
  const Field high = fields.required("high_hz");
  BandPass filter{.low_hz = read_positive(fields.required("low_hz")), .high_hz = read_positive(high), .order = 4};
  if (const auto order = fields.find("order")) filter.order = static_cast<int>(order->integer(1, 10));
  fields.refuse_unknown();
  if (filter.high_hz > 1000) high.refuse("expected a number <= 1000");
  if (!(filter.low_hz < filter.high_hz)) field.refuse("band_pass: low_hz is not below high_hz");
  return filter;
}

Notch read_notch(const Field& field) {
  Fields fields(field);
  const Field frequency = fields.required("frequency_hz");
  const std::int64_t mains = frequency.integer(50, 60);
  if (mains != 50 && mains != 60) frequency.refuse("expected 50 or 60");
  Notch filter{.frequency_hz = static_cast<double>(mains), .quality = 30};
  if (const auto quality = fields.find("quality")) {
    filter.quality = quality->number();
    if (!(1 <= filter.quality && filter.quality <= 1000)) quality->refuse("expected a number from 1 to 1000");
  }
  fields.refuse_unknown();
  return filter;
}

Preprocessing read_preprocessing(const Field& field) {
  Fields fields(field);
  Preprocessing preprocessing;
  if (const auto missing = fields.find("missing_samples")) missing->word({"linear"});
  if (const auto filter = fields.find_value("band_pass")) preprocessing.filters.band_pass = read_band_pass(*filter);
  if (const auto filter = fields.find_value("notch")) preprocessing.filters.notch = read_notch(*filter);
  if (const auto clip = fields.find("clip_mv")) preprocessing.clip_mv = read_positive(*clip);
  if (const auto resampler = fields.find("resampler")) resampler->word({"kaiser_best"});
  fields.refuse_unknown();
  return preprocessing;
}

TopCode read_top_code(const Field& field) {
  Fields fields(field);
  const TopCode code{.above = fields.required("above").number(), .value = fields.required("value").number()};
  fields.refuse_unknown();
  return code;
}

void check_continuous(const Field& field, const ContinuousFeature& feature) {
  const auto& known = known_numbers();
  const auto found =
      std::find_if(known.begin(), known.end(), [&](const auto& number) { return number.name == feature.name; });
  if (found == known.end()) field.refuse("unknown feature '" + feature.name + "'");
  const std::string called = "feature '" + feature.name + "'";
  if (feature.unit != found->unit) {
    field.refuse(called + " is in '" + std::string(found->unit) + "', not in '" + feature.unit + "'");
  }
  if (!(feature.minimum < feature.maximum)) field.refuse(called + ": minimum is not below maximum");
  if (feature.median && !(feature.minimum <= *feature.median && *feature.median <= feature.maximum)) {
    field.refuse(called + ": its median lies outside its own range");
  }
}

ContinuousFeature read_continuous(const Field& field) {
  Fields fields(field);
  ContinuousFeature feature{.name = read_name(fields.required("name")),
                            .unit = read_name(fields.required("unit")),
                            .minimum = fields.required("minimum").number(),
                            .maximum = fields.required("maximum").number(),
                            .median = {},
                            .top_code = {}};
  if (const auto median = fields.find_value("median")) feature.median = median->number();
  if (const auto code = fields.find_value("top_code")) feature.top_code = read_top_code(*code);
  fields.refuse_unknown();
  check_continuous(field, feature);
  return feature;
}

CategoricalFeature read_categorical(const Field& field) {
  Fields fields(field);
  CategoricalFeature feature{.name = read_name(fields.required("name")),
                             .categories = read_names(fields.required("categories"), 2),
                             .missing_code = {}};
  const auto& known = known_categories();
  const std::string called = "feature '" + feature.name + "'";
  if (std::find(known.begin(), known.end(), feature.name) == known.end()) field.refuse("unknown " + called);
  require_unique(field, called + ": category", feature.categories);
  if (const auto code = fields.find_value("missing_code")) {
    feature.missing_code = code->integer(0, static_cast<std::int64_t>(feature.categories.size()) - 1);
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
  const std::vector<std::string> comparisons{"<", "<=", ">", ">="};
  const Field loinc = fields.required("loinc");
  Criterion criterion{.lab = read_name(fields.required("lab")),
                      .loinc = {},
                      .unit = fields.required("unit").text(),
                      .comparison = comparisons[fields.required("comparison").word(comparisons)],
                      .threshold = fields.required("threshold").number(),
                      .setting = Setting(fields.required("setting").word({"prediction", "forecasting"})),
                      .horizon_min = fields.required("horizon_min").integer(1, kLongestHorizonMin)};
  if (!loinc.is_null()) {
    criterion.loinc = loinc.text();
    if (!is_loinc(*criterion.loinc)) loinc.refuse("no LOINC code");
  }
  if (const auto category = fields.find("category")) criterion.category = read_name(*category);
  fields.refuse_unknown();
  return criterion;
}

Calibration read_calibration(const Field& field) {
  Fields fields(field);
  const Calibration calibration{.slope = read_positive(fields.required("slope")),
                                .intercept = fields.required("intercept").number()};
  fields.refuse_unknown();
  return calibration;
}

double read_probability(const Field& field) {
  const double value = field.number();
  if (!(value > 0 && value < 1)) field.refuse("expected a number between 0 and 1");
  return value;
}

Target read_target(const Field& field) {
  Fields fields(field);
  Target target{
      .name = read_name(fields.required("name")), .criterion = {}, .decision_threshold = {}, .calibration = {}};
  if (const auto criterion = fields.find_value("criterion")) target.criterion = read_criterion(*criterion);
  if (const auto p = fields.find_value("decision_threshold")) target.decision_threshold = read_probability(*p);
  if (const auto calibration = fields.find_value("calibration")) target.calibration = read_calibration(*calibration);
  fields.refuse_unknown();
  return target;
}

Population read_population(const Field& field) {
  Fields fields(field);
  Population population;
  if (const auto age = fields.find("minimum_age")) {
    population.minimum_age = age->number();
    if (!(population.minimum_age >= 0 && population.minimum_age <= 120)) age->refuse("expected a number from 0 to 120");
  }
  fields.refuse_unknown();
  return population;
}

Limit read_limit(const Field& field, const FaultRule& rule) {
  Fields fields(field);
  Limit limit;
  if (const auto warn = fields.find_value("warn")) limit.warn = warn->number();
  if (const auto refuse = fields.find_value("refuse")) limit.refuse = refuse->number();
  fields.refuse_unknown();
  const bool both = limit.warn && limit.refuse;
  if (both && (rule.below ? *limit.refuse > *limit.warn : *limit.refuse < *limit.warn)) {
    field.refuse("quality: " + std::string(rule.name) + " refuses before it warns");
  }
  return limit;
}

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

const std::vector<KnownNumber>& known_numbers() {
  static const std::vector<KnownNumber> numbers{{"respiratory_per_min", "1/min"},
                                                {"spo2_percent", "%"},
                                                {"age", "y"},
                                                {"diastolic_mmhg", "mmHg"},
                                                {"heart_rate_bpm", "1/min"},
                                                {"systolic_mmhg", "mmHg"},
                                                {"temperature_f", "°F"},
                                                {"height_cm", "cm"},
                                                {"bmi", "kg/m²"},
                                                {"weight_kg", "kg"}};
  return numbers;
}

const std::vector<std::string>& known_categories() {
  static const std::vector<std::string> categories{"sex", "race"};
  return categories;
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
  Fields fields(field);
  if (const auto version = fields.find("schema_version")) version->integer(1, 1);
  Contract contract{.name = read_name(fields.required("name")),
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
    contract.missing_flags = MissingFlags(flags->word({"none", "continuous", "categorical"}));
  }
  for (const Field& item : fields.required("targets").items(1)) contract.targets.push_back(read_target(item));
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
