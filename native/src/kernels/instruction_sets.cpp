#include "instruction_sets.h"

#include <algorithm>
#include <stdexcept>

#include "../cpu.h"

namespace ecg2lab {
namespace {

struct InstructionSet {
  const Kernels* kernels;
  std::vector<std::string> needs;  // names of `cpu_features`
};

// The fastest first.
const std::vector<InstructionSet>& compiled() {
  static const std::vector<InstructionSet> sets = {
#if defined(ECG2LAB_X86_KERNELS)
      {&kAvx512Kernels, {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
      {&kAvx2Kernels, {"avx2", "fma"}},
#elif defined(ECG2LAB_NEON_KERNELS)
      {&kNeonKernels, {"neon"}},
#endif
      {&kPortableKernels, {}},
      {&kWidePortableKernels, {}},
  };
  return sets;
}

bool runs_here(const InstructionSet& set) {
  static const std::vector<std::string> features = cpu_features();
  return std::all_of(set.needs.begin(), set.needs.end(), [](const std::string& need) {
    return std::find(features.begin(), features.end(), need) != features.end();
  });
}

}  // namespace

std::vector<std::string> available_instruction_sets() {
  std::vector<std::string> names;
  for (const InstructionSet& set : compiled()) {
    if (runs_here(set)) names.emplace_back(set.kernels->name);
  }
  return names;
}

const Kernels& select_kernels(const std::string& name) {
  for (const InstructionSet& set : compiled()) {
    const bool wanted = name.empty() || name == set.kernels->name;
    if (wanted && runs_here(set)) return *set.kernels;
    if (wanted && !name.empty()) throw std::invalid_argument("this CPU lacks the instructions of " + name);
  }
  throw std::invalid_argument("there are no kernels for the instruction set '" + name + "'");
}

}  // namespace ecg2lab
