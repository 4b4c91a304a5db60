// Codes of the C interface in words.
#include <array>
#include <cstddef>

#include "answer/decide.h"
#include "contract/quality_limits.h"
#include "ecg2lab.h"

namespace {

constexpr std::array kStatuses{"ECG2LAB_OK",
                               "ECG2LAB_ERROR_ARGUMENT",
                               "ECG2LAB_ERROR_BUNDLE",
                               "ECG2LAB_ERROR_BACKEND",
                               "ECG2LAB_ERROR_RECORDING",
                               "ECG2LAB_ERROR_PATIENT",
                               "ECG2LAB_ERROR_QUALITY",
                               "ECG2LAB_ERROR_MEMORY",
                               "ECG2LAB_ERROR_INTERNAL"};
constexpr std::array kLeadVerdicts{"not judged", "good", "missing", "empty", "gap", "flat", "clipped", "faulty"};
constexpr std::array kRefusals{"none", "recording", "missing leads", "too short", "empty", "gap",
                               "flat", "clipped",   "too small",     "patient",   "fault"};
constexpr std::array kQualities{"not judged", "accepted", "warnings", "refused"};
constexpr std::array kExperiences{"not judged", "inside", "outside"};

template <std::size_t N>
const char* name_of(int32_t code, const std::array<const char*, N>& names, const char* unknown = "unknown") {
  return code >= 0 && static_cast<std::size_t>(code) < N ? names[static_cast<std::size_t>(code)] : unknown;
}

}  // namespace

extern "C" {

const char* ecg2lab_status_name(int32_t status) { return name_of(status, kStatuses, "unknown status"); }

const char* ecg2lab_lead_verdict_name(int32_t verdict) { return name_of(verdict, kLeadVerdicts); }

const char* ecg2lab_verdict_name(int32_t verdict) {
  constexpr auto kWords = words_of(ecg2lab::Word{});
  const bool known = verdict >= 0 && static_cast<std::size_t>(verdict) < kWords.size();
  return known ? kWords[static_cast<std::size_t>(verdict)].data() : "unknown";  // of literals: they end with a zero
}

const char* ecg2lab_refusal_name(int32_t refusal) { return name_of(refusal, kRefusals); }

const char* ecg2lab_quality_name(int32_t quality) { return name_of(quality, kQualities); }

const char* ecg2lab_fault_name(int32_t code) {
  const bool known = code >= 1 && static_cast<std::size_t>(code) <= ecg2lab::kFaultRules.size();
  return known ? ecg2lab::kFaultRules[static_cast<std::size_t>(code) - 1].name.data() : "unknown";
}

const char* ecg2lab_experience_name(int32_t experience) { return name_of(experience, kExperiences); }

}  // extern "C"
