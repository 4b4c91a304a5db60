// How a thread computes with floating-point numbers: rounding, traps, denormals.
#pragma once

#include <cstdint>

#if defined(__SSE__) || defined(_M_X64)
#include <xmmintrin.h>
#define ECG2LAB_FLOATS_X86
#elif defined(__aarch64__)
#define ECG2LAB_FLOATS_AARCH64
#elif defined(__arm__) && defined(__ARM_FP)
#define ECG2LAB_FLOATS_ARM
#else
#include <cfenv>
#endif

namespace ecg2lab {

// Numbers so small that they are stored with fewer digits, which many CPUs compute a hundred times more slowly. An ECG
// loses nothing where they are taken as zero, and zeros made instead of them: they are below 1e-38 mV.
enum class Denormals { keep, flush };

// While one lives, this thread rounds to the nearest number and traps nothing, whatever the program around it chose;
// afterwards it computes as before, and no flag of an exception was left. Where the registers of a machine are not
// known here, denormals are kept.
class FloatEnvironment {
 public:
#if defined(ECG2LAB_FLOATS_X86)
  using State = std::uint32_t;  // MXCSR
  static State read() { return _mm_getcsr(); }
  static void write(State state) { _mm_setcsr(state); }
  static State chosen(Denormals denormals) { return denormals == Denormals::flush ? 0x9FC0 : 0x1F80; }
#elif defined(ECG2LAB_FLOATS_AARCH64)
  struct State {
    std::uint64_t control, flags;  // FPCR, FPSR
  };
  static State read() {
    State state;
    __asm__ volatile("mrs %0, fpcr\n\tmrs %1, fpsr" : "=r"(state.control), "=r"(state.flags));
    return state;
  }
  static void write(const State& state) {
    __asm__ volatile("msr fpcr, %0\n\tmsr fpsr, %1" : : "r"(state.control), "r"(state.flags));
  }
  static State chosen(Denormals denormals) { return {std::uint64_t{denormals == Denormals::flush} << 24, 0}; }
#elif defined(ECG2LAB_FLOATS_ARM)
  using State = std::uint32_t;  // FPSCR
  static State read() {
    State state;
    __asm__ volatile("vmrs %0, fpscr" : "=r"(state));
    return state;
  }
  static void write(State state) { __asm__ volatile("vmsr fpscr, %0" : : "r"(state)); }
  static State chosen(Denormals denormals) { return State{denormals == Denormals::flush} << 24; }
#else
  using State = std::fenv_t;
  static State read() {
    State state;
    std::fegetenv(&state);
    return state;
  }
  static void write(const State& state) { std::fesetenv(&state); }
  static State chosen(Denormals) {
    const State before = read();
    std::fesetenv(FE_DFL_ENV);
    const State chosen = read();
    std::fesetenv(&before);
    return chosen;
  }
#endif

  explicit FloatEnvironment(Denormals denormals = Denormals::keep) : FloatEnvironment(chosen(denormals)) {}
  // As another had found it: to call the program in between.
  explicit FloatEnvironment(const State& state) : before_(read()) { write(state); }
  ~FloatEnvironment() { write(before_); }
  FloatEnvironment(const FloatEnvironment&) = delete;
  FloatEnvironment& operator=(const FloatEnvironment&) = delete;

  const State& before() const { return before_; }

 private:
  State before_;
};

}  // namespace ecg2lab
