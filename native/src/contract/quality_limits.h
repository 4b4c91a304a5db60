// The faults that the quality gate knows, and the figure from which each of them counts.
#pragma once

#include <array>
#include <cstddef>
#include <optional>
#include <string_view>

namespace ecg2lab {

// In the order in which a refusal names them. The C interface counts them from 1: only append.
enum class Fault {
  too_short,
  empty,
  gap,
  missing,
  flat,
  clipped,
  too_small,
  too_large,
  saturated,
  noise,
  wander,
  mains,
  bsqi,
  ksqi,
  ssqi,
  psqi,
  bassqi,
  duplicate,
  limb_algebra,
  arm_reversal,
  paced,
};
inline constexpr std::size_t kFaults = 21;

constexpr std::size_t index_of(Fault fault) { return static_cast<std::size_t>(fault); }

// None: never.
struct Limit {
  std::optional<double> warn, refuse;
};

struct FaultRule {
  std::string_view name;  // in contracts, JSON and Python
  bool per_lead;          // else one figure for the recording
  bool below;             // a fault is below its limit; else above it
  bool limited;           // by the contract; else the window decides, and it is always refused
  Limit standard;         // where a contract does not say
};

// One for each fault, in the order of the enumeration. docs/quality.md says what each figure is.
inline constexpr std::array<FaultRule, kFaults> kFaultRules{{
    {"too_short", false, true, false, {}},
    {"empty", true, false, false, {}},
    {"gap", true, false, false, {}},
    {"missing", true, false, true, {0.1, 0.5}},
    {"flat", true, false, true, {0.2, 0.5}},
    {"clipped", true, false, true, {0.1, 0.5}},
    {"too_small", false, true, true, {0.35, 0.05}},
    {"too_large", false, false, true, {2.5, 20}},
    {"saturated", true, false, true, {0.01, {}}},
    {"noise", true, false, true, {0.02, 0.1}},
    {"wander", true, false, true, {1, {}}},
    {"mains", true, false, true, {0.05, {}}},
    {"bsqi", true, true, true, {0.4, {}}},
    {"ksqi", true, true, true, {3.8, {}}},
    {"ssqi", true, true, true, {}},
    {"psqi", true, true, true, {}},
    {"bassqi", true, true, true, {}},
    {"duplicate", true, true, true, {0.03, 0.002}},
    {"limb_algebra", true, false, true, {0.05, 0.5}},
    {"arm_reversal", true, true, true, {-0.1, {}}},
    {"paced", false, false, true, {0.6, {}}},
}};

constexpr const FaultRule& rule_of(Fault fault) { return kFaultRules[index_of(fault)]; }

// Of a contract.
struct QualityLimits {
  std::array<Limit, kFaults> limits = [] {
    std::array<Limit, kFaults> standard;
    for (std::size_t i = 0; i < kFaults; ++i) standard[i] = kFaultRules[i].standard;
    return standard;
  }();

  const Limit& of(Fault fault) const { return limits[index_of(fault)]; }
};

}  // namespace ecg2lab
