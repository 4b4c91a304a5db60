#include "instruction_sets.h"

#include <stdexcept>

#include "base/cpu.h"

namespace ecg2lab {
namespace {

struct Compiled {
  const Product* product;
  std::vector<std::string> needs;  // names of `cpu_features`
  bool portable = false;
};

// The fastest of a precision first.
const std::vector<Compiled>& compiled() {
#if defined(ECG2LAB_X86_KERNELS)
  const std::vector<std::string> wide = {"avx512f", "avx512bw", "avx512dq", "avx512vl"};
  const auto with = [&wide](const char* more) {
    std::vector<std::string> needs = wide;
    needs.emplace_back(more);
    return needs;
  };
#endif
  static const std::vector<Compiled> products = {
#if defined(ECG2LAB_X86_KERNELS)
      {&kAvx512Single, wide},
      {&kAvx512Bfloat16, with("avx512bf16")},
      {&kAvx512Bytes, with("avx512vnni")},
      {&kAvx2Single, {"avx2", "fma"}},
      {&kAvxVnniBytes, {"avx2", "fma", "avxvnni"}},
#elif defined(ECG2LAB_NEON_KERNELS)
      {&kNeonSingle, {"neon"}},         {&kNeonBfloat16, {"neon", "bf16"}}, {&kNeonBytes, {"neon", "dotprod"}},
#endif
      {&kPortableSingle, {}, true},
      {&kPortableBfloat16, {}, true},
      {&kPortableBytes, {}, true},
      {&kWidePortableSingle, {}, true},
      {&kWidePortableBfloat16, {}, true},
      {&kWidePortableBytes, {}, true},
  };
  return products;
}

// Chosen without being asked for.
bool worth_it(const Compiled& entry) { return !entry.portable || entry.product->precision == Precision::fp32; }

}  // namespace

const char* name_of(Precision precision) {
  switch (precision) {
    case Precision::bf16:
      return "bf16";
    case Precision::int8:
      return "int8";
    default:
      return "fp32";
  }
}

Precision precision_of(const std::string& name) {
  for (const Precision precision : {Precision::fp32, Precision::bf16, Precision::int8}) {
    if (name == name_of(precision)) return precision;
  }
  throw std::invalid_argument("there are no kernels for the precision '" + name + "'");
}

std::vector<std::string> available_instruction_sets(Precision precision) {
  std::vector<std::string> names;
  for (const Compiled& entry : compiled()) {
    if (entry.product->precision == precision && cpu_has(entry.needs)) names.emplace_back(entry.product->kernels->name);
  }
  return names;
}

const Product& select_product(Precision precision, const std::string& instruction_set) {
  bool exists = instruction_set.empty();
  for (const Compiled& entry : compiled()) {
    const bool named = instruction_set == entry.product->kernels->name;
    exists = exists || named;
    if (entry.product->precision != precision || !cpu_has(entry.needs)) continue;
    if (named || (instruction_set.empty() && worth_it(entry))) return *entry.product;
  }
  if (!exists) throw std::invalid_argument("there are no kernels for the instruction set '" + instruction_set + "'");
  const std::string of = instruction_set.empty() ? std::string() : " of " + instruction_set;
  throw std::invalid_argument("this CPU lacks the instructions" + of + " for " + name_of(precision));
}

const Kernels& select_kernels(const std::string& instruction_set) {
  return *select_product(Precision::fp32, instruction_set).kernels;
}

}  // namespace ecg2lab
