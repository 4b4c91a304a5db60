#include "base/cpu.h"

#include <algorithm>

#if defined(__x86_64__) || defined(__i386__) || defined(_M_X64) || defined(_M_IX86)
#define ECG2LAB_X86 1
#ifdef _MSC_VER
#include <intrin.h>
#else
#include <cpuid.h>
#endif
#elif defined(__aarch64__) || defined(_M_ARM64)
#define ECG2LAB_ARM64 1
#if defined(__linux__)
#include <sys/auxv.h>
#elif defined(__APPLE__)
#include <sys/sysctl.h>
#elif defined(_WIN32)
#include <windows.h>
#endif
#endif

namespace ecg2lab {
namespace {

// Registers that the operating system must keep, as bits of XCR0 (Intel SDM vol. 1, 13.1).
constexpr std::uint64_t kNone = 0;
constexpr std::uint64_t kYmm = 0x6;        // SSE and AVX
constexpr std::uint64_t kZmm = 0xE6;       // those, opmask, upper halves, upper sixteen
constexpr std::uint64_t kTiles = 0x60000;  // TILECFG and TILEDATA

struct X86Feature {
  const char* name;
  std::uint32_t X86Registers::* word;
  unsigned bit;
  std::uint64_t kept;
};

// Intel SDM vol. 2, CPUID, leaves 1 and 7.
constexpr X86Feature kX86Features[] = {
    {"sse4.1", &X86Registers::leaf1_ecx, 19, kNone},     {"sha", &X86Registers::leaf7_ebx, 29, kNone},
    {"avx", &X86Registers::leaf1_ecx, 28, kYmm},         {"f16c", &X86Registers::leaf1_ecx, 29, kYmm},
    {"fma", &X86Registers::leaf1_ecx, 12, kYmm},         {"avx2", &X86Registers::leaf7_ebx, 5, kYmm},
    {"avxvnni", &X86Registers::leaf7_1_eax, 4, kYmm},    {"avx512f", &X86Registers::leaf7_ebx, 16, kZmm},
    {"avx512bw", &X86Registers::leaf7_ebx, 30, kZmm},    {"avx512dq", &X86Registers::leaf7_ebx, 17, kZmm},
    {"avx512vl", &X86Registers::leaf7_ebx, 31, kZmm},    {"avx512vnni", &X86Registers::leaf7_ecx, 11, kZmm},
    {"avx512bf16", &X86Registers::leaf7_1_eax, 5, kZmm}, {"avx512fp16", &X86Registers::leaf7_edx, 23, kZmm},
    {"amx-tile", &X86Registers::leaf7_edx, 24, kTiles},  {"amx-int8", &X86Registers::leaf7_edx, 25, kTiles},
    {"amx-bf16", &X86Registers::leaf7_edx, 22, kTiles},
};

#ifdef ECG2LAB_X86

struct Leaf {
  std::uint32_t eax = 0, ebx = 0, ecx = 0, edx = 0;
};

// All zeros for a leaf that the CPU does not have.
Leaf cpuid(std::uint32_t leaf, std::uint32_t subleaf) {
  Leaf out;
#ifdef _MSC_VER
  int words[4];
  __cpuidex(words, 0, 0);
  if (static_cast<std::uint32_t>(words[0]) < leaf) return out;
  __cpuidex(words, static_cast<int>(leaf), static_cast<int>(subleaf));
  out = {static_cast<std::uint32_t>(words[0]), static_cast<std::uint32_t>(words[1]),
         static_cast<std::uint32_t>(words[2]), static_cast<std::uint32_t>(words[3])};
#else
  if (__get_cpuid_count(leaf, subleaf, &out.eax, &out.ebx, &out.ecx, &out.edx) == 0) return {};
#endif
  return out;
}

// Only where CPUID says that the operating system uses XSAVE: elsewhere the instruction is undefined.
std::uint64_t read_xcr0() {
#ifdef _MSC_VER
  return _xgetbv(0);
#else
  std::uint32_t low = 0, high = 0;
  __asm__ volatile("xgetbv" : "=a"(low), "=d"(high) : "c"(0));  // the intrinsic would need its own compiler switch
  return (static_cast<std::uint64_t>(high) << 32) | low;
#endif
}

X86Registers read_x86() {
  constexpr std::uint32_t kOsxsave = 1U << 27;
  const Leaf one = cpuid(1, 0), seven = cpuid(7, 0);
  const Leaf seven_one = seven.eax >= 1 ? cpuid(7, 1) : Leaf{};  // EAX of leaf 7 is its last subleaf
  const std::uint64_t xcr0 = (one.ecx & kOsxsave) != 0 ? read_xcr0() : 0;
  return {one.ecx, seven.ebx, seven.ecx, seven.edx, seven_one.eax, xcr0};
}

#endif

#ifdef ECG2LAB_ARM64

struct ArmFeature {
  const char* name;
  unsigned long capability;   // bit of AT_HWCAP (Linux, arch/arm64/include/uapi/asm/hwcap.h)
  unsigned long capability2;  // bit of AT_HWCAP2
  const char* apple;          // sysctl hw.optional.arm.…
  unsigned windows;           // PF_ARM_… of IsProcessorFeaturePresent; 0: cannot be asked
};

// Numbers, because the headers of older systems lack the newer names. NEON belongs to every 64-bit Arm.
constexpr ArmFeature kArmFeatures[] = {
    {"sha2", 1UL << 6, 0, "hw.optional.arm.FEAT_SHA256", 30},
    {"fp16", 1UL << 10, 0, "hw.optional.arm.FEAT_FP16", 0},
    {"dotprod", 1UL << 20, 0, "hw.optional.arm.FEAT_DotProd", 43},
    {"i8mm", 0, 1UL << 13, "hw.optional.arm.FEAT_I8MM", 0},
    {"bf16", 0, 1UL << 14, "hw.optional.arm.FEAT_BF16", 0},
    {"sve", 1UL << 22, 0, "", 0},
};

bool has(const ArmFeature& feature) {
#if defined(__linux__)
  return (getauxval(AT_HWCAP) & feature.capability) != 0 || (getauxval(AT_HWCAP2) & feature.capability2) != 0;
#elif defined(__APPLE__)
  int value = 0;
  std::size_t size = sizeof value;
  return sysctlbyname(feature.apple, &value, &size, nullptr, 0) == 0 && value != 0;
#elif defined(_WIN32)
  return feature.windows != 0 && IsProcessorFeaturePresent(feature.windows) != 0;
#else
  static_cast<void>(feature);
  return false;
#endif
}

#endif

}  // namespace

std::vector<std::string> decode_x86(const X86Registers& registers) {
  std::vector<std::string> names;
  for (const X86Feature& feature : kX86Features) {
    const bool present = ((registers.*feature.word >> feature.bit) & 1U) != 0;
    if (present && (registers.xcr0 & feature.kept) == feature.kept) names.emplace_back(feature.name);
  }
  return names;
}

std::vector<std::string> cpu_features() {
#if defined(ECG2LAB_X86)
  return decode_x86(read_x86());
#elif defined(ECG2LAB_ARM64)
  std::vector<std::string> names{"neon"};
  for (const ArmFeature& feature : kArmFeatures) {
    if (has(feature)) names.emplace_back(feature.name);
  }
  return names;
#else
  return {};
#endif
}

bool cpu_has(const std::vector<std::string>& names) {
  static const std::vector<std::string> features = cpu_features();
  return std::all_of(names.begin(), names.end(), [](const std::string& name) {
    return std::find(features.begin(), features.end(), name) != features.end();
  });
}

}  // namespace ecg2lab
