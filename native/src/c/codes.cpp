#include "c/codes.h"

#include <array>
#include <cstddef>

#include "answer/decide.h"
#include "contract/quality_limits.h"

namespace ecg2lab::c {
namespace {

// Everything here is made by the compiler: no thread waits for another, whenever it asks.
template <std::size_t N>
constexpr std::array<ecg2lab_code, N> numbered(const std::array<const char*, N>& names, int32_t first = 0,
                                               int32_t since = 1) {
  std::array<ecg2lab_code, N> codes{};
  for (std::size_t i = 0; i < N; ++i) {
    const auto code = static_cast<int32_t>(i) + first;
    codes[i] = {.code = code, .name = names[i], .since = since, .instead = code};
  }
  return codes;
}

// From `first` on, a code is newer, and `instead` stands for it.
template <std::size_t N>
constexpr std::array<ecg2lab_code, N> newer(std::array<ecg2lab_code, N> codes, int32_t first, int32_t since,
                                            int32_t instead) {
  for (ecg2lab_code& code : codes) {
    if (code.code >= first) code.since = since, code.instead = instead;
  }
  return codes;
}

template <std::size_t N>
constexpr std::array<const ecg2lab_code*, N> pointers(const std::array<ecg2lab_code, N>& codes) {
  std::array<const ecg2lab_code*, N> list{};
  for (std::size_t i = 0; i < N; ++i) list[i] = &codes[i];
  return list;
}

template <std::size_t N, typename Name>
constexpr std::array<const char*, N> names_of(const Name& name) {
  std::array<const char*, N> names{};
  for (std::size_t i = 0; i < N; ++i) names[i] = name(i);  // of literals: they end with a zero
  return names;
}

constexpr auto kStatuses =
    newer(numbered(std::array{"ECG2LAB_OK", "ECG2LAB_ERROR_ARGUMENT", "ECG2LAB_ERROR_BUNDLE", "ECG2LAB_ERROR_BACKEND",
                              "ECG2LAB_ERROR_RECORDING", "ECG2LAB_ERROR_PATIENT", "ECG2LAB_ERROR_QUALITY",
                              "ECG2LAB_ERROR_MEMORY", "ECG2LAB_ERROR_INTERNAL", "ECG2LAB_ERROR_DEADLINE",
                              "ECG2LAB_ERROR_CANCELLED"}),
          ECG2LAB_ERROR_DEADLINE, 4, ECG2LAB_ERROR_BACKEND);
constexpr auto kLeadVerdicts =
    numbered(std::array{"not judged", "good", "missing", "empty", "gap", "flat", "clipped", "faulty"});
constexpr auto kVerdicts =
    numbered(names_of<words_of(Word{}).size()>([](std::size_t i) { return words_of(Word{})[i].data(); }), 0, 2);
constexpr auto kRefusals = numbered(std::array{"none", "recording", "missing leads", "too short", "empty", "gap",
                                               "flat", "clipped", "too small", "patient", "fault"});
constexpr auto kQualities = numbered(std::array{"not judged", "accepted", "warnings", "refused"});
constexpr auto kFaults =
    numbered(names_of<ecg2lab::kFaults>([](std::size_t i) { return kFaultRules[i].name.data(); }), 1);
constexpr auto kExperiences = numbered(std::array{"not judged", "inside", "outside"}, 0, 2);

constexpr auto kStatusList = pointers(kStatuses);
constexpr auto kLeadVerdictList = pointers(kLeadVerdicts);
constexpr auto kVerdictList = pointers(kVerdicts);
constexpr auto kRefusalList = pointers(kRefusals);
constexpr auto kQualityList = pointers(kQualities);
constexpr auto kFaultList = pointers(kFaults);
constexpr auto kExperienceList = pointers(kExperiences);

}  // namespace

std::span<const ecg2lab_code* const> codes_of(int32_t enumeration) {
  switch (enumeration) {
    case ECG2LAB_ENUMERATION_STATUS:
      return kStatusList;
    case ECG2LAB_ENUMERATION_LEAD_VERDICT:
      return kLeadVerdictList;
    case ECG2LAB_ENUMERATION_VERDICT:
      return kVerdictList;
    case ECG2LAB_ENUMERATION_REFUSAL:
      return kRefusalList;
    case ECG2LAB_ENUMERATION_QUALITY:
      return kQualityList;
    case ECG2LAB_ENUMERATION_FAULT:
      return kFaultList;
    case ECG2LAB_ENUMERATION_EXPERIENCE:
      return kExperienceList;
    default:
      return {};
  }
}

const char* name_of(ecg2lab_enumeration enumeration, int32_t code, const char* unknown) {
  for (const ecg2lab_code* known : codes_of(enumeration)) {
    if (known->code == code) return known->name;
  }
  return unknown;
}

}  // namespace ecg2lab::c
