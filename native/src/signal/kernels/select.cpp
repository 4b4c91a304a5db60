#include "select.h"

#include <stdexcept>

#include "base/cpu.h"

namespace ecg2lab {
namespace {

struct InstructionSet {
  const SignalKernels* kernels;
  std::vector<std::string> needs;  // names of `cpu_features`
};

// Those that this machine can run, the fastest first.
const std::vector<const SignalKernels*>& usable() {
  static const std::vector<const SignalKernels*> kernels = [] {
    const std::vector<InstructionSet> compiled = {
#if defined(ECG2LAB_X86_KERNELS)
        // All that the compiler may use in it, as in the engine: the first CPUs with AVX-512 lack the last three.
        {&kAvx512SignalKernels, {"avx512f", "avx512bw", "avx512dq", "avx512vl"}},
        {&kAvx2SignalKernels, {"avx2", "fma"}},
#elif defined(ECG2LAB_NEON_KERNELS)
        {&kNeonSignalKernels, {"neon"}},
#endif
        {&kPortableSignalKernels, {}},
    };
    std::vector<const SignalKernels*> found;
    for (const InstructionSet& set : compiled) {
      if (cpu_has(set.needs)) found.push_back(set.kernels);
    }
    return found;
  }();
  return kernels;
}

}  // namespace

std::vector<std::string> signal_instruction_sets() {
  std::vector<std::string> names;
  for (const SignalKernels* kernels : usable()) names.emplace_back(kernels->name);
  return names;
}

const SignalKernels& select_signal_kernels(const std::string& name) {
  for (const SignalKernels* kernels : usable()) {
    if (name.empty() || name == kernels->name) return *kernels;
  }
  throw std::invalid_argument("preprocessing has no instruction set '" + name + "' on this machine");
}

}  // namespace ecg2lab
