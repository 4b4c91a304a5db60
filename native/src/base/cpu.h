// Which instruction sets this machine has.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

namespace ecg2lab {

// What an x86 CPU says of itself (CPUID), and which registers the operating system keeps over a task switch (XCR0; 0
// without XSAVE).
struct X86Registers {
  std::uint32_t leaf1_ecx = 0;
  std::uint32_t leaf7_ebx = 0;
  std::uint32_t leaf7_ecx = 0;
  std::uint32_t leaf7_edx = 0;
  std::uint32_t leaf7_1_eax = 0;
  std::uint64_t xcr0 = 0;
};

// Names in the order of their table. A set whose registers the operating system does not keep is left out.
std::vector<std::string> decode_x86(const X86Registers& registers);

// Of the machine that runs this: among sse4.1, sha, fma, f16c, avx, avx2, avxvnni, avx512f, avx512bw, avx512dq,
// avx512vl, avx512vnni, avx512bf16, avx512fp16, amx-tile, amx-int8, amx-bf16 on x86, and neon, sha2, fp16, dotprod,
// i8mm, bf16, sve on Arm. Empty on any other machine. On Linux a process must still ask for AMX (arch_prctl) before its
// first use.
std::vector<std::string> cpu_features();

// Whether this machine has every one of them.
bool cpu_has(const std::vector<std::string>& names);

}  // namespace ecg2lab
