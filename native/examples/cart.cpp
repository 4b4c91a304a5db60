// What cart.c does, in C++17: a recording from a file, the findings on the screen.
//
//   c++ -std=c++17 cart.cpp $(pkg-config --cflags --libs ecg2lab) -o cart
//   ./cart model.ecg2lab record.csv
//
// cart.c says what record.csv holds. Exit status: 0 answered, 1 refused, 2 misused.
#include <cmath>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <ecg2lab.hpp>
#include <fstream>
#include <map>
#include <optional>
#include <stdexcept>
#include <string>
#include <vector>

namespace {

// ---- The file ----

const std::map<std::string, ecg2lab_unit> kUnits{
    {"uV", ECG2LAB_MICROVOLT}, {"mV", ECG2LAB_MILLIVOLT}, {"V", ECG2LAB_VOLT}};
const std::map<std::string, std::int32_t> kSexes{{"female", ECG2LAB_FEMALE}, {"male", ECG2LAB_MALE}};
const std::map<std::string, std::int32_t> kRaces{{"asian", ECG2LAB_ASIAN},
                                                 {"black", ECG2LAB_BLACK},
                                                 {"hispanic", ECG2LAB_HISPANIC},
                                                 {"other", ECG2LAB_OTHER},
                                                 {"white", ECG2LAB_WHITE}};
const std::map<std::string, std::optional<double> ecg2lab::Patient::*> kNumbers{
    {"age", &ecg2lab::Patient::age},
    {"respiratory_per_min", &ecg2lab::Patient::respiratory_per_min},
    {"spo2_percent", &ecg2lab::Patient::spo2_percent},
    {"diastolic_mmhg", &ecg2lab::Patient::diastolic_mmhg},
    {"systolic_mmhg", &ecg2lab::Patient::systolic_mmhg},
    {"heart_rate_bpm", &ecg2lab::Patient::heart_rate_bpm},
    {"temperature_c", &ecg2lab::Patient::temperature_c},
    {"temperature_f", &ecg2lab::Patient::temperature_f},
    {"height_cm", &ecg2lab::Patient::height_cm},
    {"weight_kg", &ecg2lab::Patient::weight_kg},
    {"bmi", &ecg2lab::Patient::bmi}};

// What cannot be read as a recording.
struct Misused : std::runtime_error {
  using std::runtime_error::runtime_error;
};

struct Record {
  std::vector<std::string> leads;
  std::vector<double> samples;  // one sample of every lead after another
  double sampling_rate_hz = 0;
  std::optional<ecg2lab_unit> unit;
  ecg2lab::Patient patient;
};

std::vector<std::string> split(const std::string& line) {
  std::vector<std::string> cells;
  std::size_t begin = 0, comma = 0;
  while ((comma = line.find(',', begin)) != std::string::npos) {
    cells.push_back(line.substr(begin, comma - begin));
    begin = comma + 1;
  }
  cells.push_back(line.substr(begin, line.find_last_not_of("\r\n") + 1 - begin));
  return cells;
}

// An empty cell or "nan" is a missing number.
bool parse(const std::string& cell, double& number) {
  char* end = nullptr;
  number = cell.empty() ? NAN : std::strtod(cell.c_str(), &end);
  return cell.empty() || (end != cell.c_str() && *end == '\0');
}

template <class Code, class To>
bool find(const std::map<std::string, Code>& words, const std::string& word, To& to) {
  const auto entry = words.find(word);
  if (entry == words.end()) return false;
  to = entry->second;
  return true;
}

// A line before the lead names; false if it is none.
bool set_fact(Record& record, const std::string& name, const std::string& value) {
  if (name == "unit") return find(kUnits, value, record.unit);
  if (name == "sex") return find(kSexes, value, record.patient.sex);
  if (name == "race") return find(kRaces, value, record.patient.race);
  if (name == "sampling_rate_hz") return parse(value, record.sampling_rate_hz);
  const auto fact = kNumbers.find(name);
  double number = 0;
  if (fact == kNumbers.end() || !parse(value, number)) return false;
  record.patient.*fact->second = number;
  return true;
}

bool add_samples(Record& record, const std::vector<std::string>& cells) {
  if (cells.size() != record.leads.size()) return false;
  for (const std::string& cell : cells) {
    if (!parse(cell, record.samples.emplace_back())) return false;
  }
  return true;
}

Record read_record(const std::string& path) {
  std::ifstream file(path);
  if (!file) throw Misused("cannot read " + path);
  Record record;
  std::string line;
  for (int number = 1; std::getline(file, line); ++number) {
    const std::vector<std::string> cells = split(line);
    if (!record.leads.empty()) {
      if (!add_samples(record, cells)) throw Misused(path + ": line " + std::to_string(number) + " is not understood");
    } else if (cells.size() != 2 || !set_fact(record, cells[0], cells[1])) {
      record.leads = cells;
    }
  }
  return record;
}

// ---- The answer ----

// What may be said of a target, and how far to trust it.
void print_verdict(const ecg2lab_finding& finding) {
  const ecg2lab_operating_point* point = finding.operating_point;
  switch (finding.verdict) {
    case ECG2LAB_FLAGGED:
      if (point != nullptr && point->ppv.value >= 0) {  // neither unknown nor NaN
        std::printf("flagged: %g %% of such flags are right\n", 100 * point->ppv.value);
      } else {
        std::printf("flagged: how often such a flag is right is not stated\n");
      }
      break;
    case ECG2LAB_NOT_FLAGGED:
      std::printf("not flagged\n");
      break;
    case ECG2LAB_UNSURE:
      std::printf("unsure: %s\n", finding.reason);
      break;
    case ECG2LAB_OUTSIDE_EXPERIENCE:
      std::printf("outside experience: %s\n", finding.reason);
      break;
    default:
      std::printf("no decision: %s\n", finding.reason != nullptr ? finding.reason : "unknown to this program");
  }
}

void print(const ecg2lab::Result& result) {
  std::printf("%s (%s)\n", result->model_name, result->notice);
  for (const ecg2lab_finding& finding : result.findings()) {
    std::printf("%-32s %.6f  ", finding.target->name, finding.probability);
    print_verdict(finding);
  }
  for (const ecg2lab_imputed& imputed : result.imputed()) {
    if (imputed.word != nullptr) {
      std::printf("not given: %s, taken as %s\n", imputed.name, imputed.word);
    } else {
      std::printf("not given: %s, taken as %g\n", imputed.name, imputed.number);
    }
  }
  std::printf("quality: %s\n", ecg2lab_quality_name(result->quality));
  for (const ecg2lab_fault& fault : result.faults()) std::printf("  %s\n", fault.message);
  std::printf("%zu windows of %.3g s; %.3g s at the end not used\n", result->window_count,
              result->window_count > 0
                  ? (result->duration_s - result->unused_s) / static_cast<double>(result->window_count)
                  : 0,
              result->unused_s);
}

int answer(const char* bundle, const Record& record) {
  const auto model = ecg2lab::Model::load(bundle);
  auto recording = ecg2lab::Recording(record.samples)
                       .leads(record.leads)
                       .sampling_rate_hz(record.sampling_rate_hz)
                       .sample_after_sample();
  if (record.unit) recording.unit(*record.unit);
  const auto result = model.predict(recording, record.patient);
  if (result.answered()) {
    print(result);
    return 0;
  }
  std::fprintf(stderr, "%s: %s\n", ecg2lab_status_name(result->status), result->message);
  for (const ecg2lab_lead& lead : result.leads()) {  // which electrodes to look at
    std::fprintf(stderr, "%-4s %s\n", lead.name, ecg2lab_lead_verdict_name(lead.verdict));
  }
  return 1;
}

}  // namespace

int main(int argc, char** argv) {
  if (argc != 3) {
    std::fprintf(stderr, "usage: %s MODEL RECORD.csv\n", argc > 0 ? argv[0] : "cart");
    return 2;
  }
  try {
    return answer(argv[1], read_record(argv[2]));
  } catch (const Misused& mistake) {
    std::fprintf(stderr, "%s\n", mistake.what());
    return 2;
  } catch (const ecg2lab::Error& error) {
    std::fprintf(stderr, "%s: %s\n", ecg2lab_status_name(error.status()), error.what());
    return 1;
  }
}
