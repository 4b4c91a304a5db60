// The convolution of one S4 layer as a recurrence.
//
// Glossary: H channels, N states, S sections, L window, T chunk, D directions (1 causal, 2 bidirectional), W channels
// of a block, which one vector instruction serves; Ā B̄ C discretised real state space of a direction, k[t] = C Āᵗ B̄; d
// the skip weight.
#pragma once

#include <span>
#include <variant>

#include "base/aligned.h"
#include "engine/kernels/table.h"

namespace ecg2lab {

// One layer's state space, real, per channel, in float64.
struct StateSpace {
  std::size_t channels;       // H
  std::size_t state_size;     // N
  std::size_t directions;     // D
  std::span<const double> a;  // (D H N N) Ā
  std::span<const double> b;  // (D H N) B̄
  std::span<const double> c;  // (D H N) C
  std::span<const double> d;  // (H)
};

// One layer's Kautz cascade; `kernels/cascade.h` has the recurrence.
struct KautzCascade {
  std::size_t channels;         // H
  std::size_t sections;         // S
  std::size_t directions;       // D
  std::span<const float> h, r;  // (H S)
  std::span<const float> taps;  // (D H 2S), of w, then of e
  std::span<const double> d;    // (H)
};

// Constants of the chunked form, computed in float64 and rounded once:
//   X₀ = 0,   X_{j+1} = Āᵀ X_j + Σ_s Ā^{T-1-s} B̄ u[jT+s]         (Āᵀ: T-th power)
//   Z_nc = 0, Z_j     = Āᵀ Z_{j+1} + Σ_s Ā^s B̄ u[jT+s]
//   y[jT+i] = Σ_s K[i-s] u[jT+s] + C₀ Ā^{i+1} X_j + C₁ Ā^{T-1-i} Z_{j+1}
// with K[0] = k₀[0] + d, K[l] = k₀[l], K[-l] = k₁[l-1]; Ā and B̄ are those of the direction. It needs neither poles nor
// eigenvectors. Āᵀ is applied as X + (Āᵀ - 1) X: of a pole close to 1 only the distance is rounded, so that hundreds of
// chunks do not add up what rounding the pole itself would cost. What the addition loses is added in the next chunk: a
// state that creeps would lose in the same direction every time.
class Scan {
 public:
  // Chunks of T samples.
  Scan(const StateSpace& system, std::size_t chunk, const Kernels& kernels);
  // The cheaper form, where it is exact enough.
  Scan(const KautzCascade& cascade, const Kernels& kernels);

  std::size_t channels() const { return channels_; }
  std::size_t blocks() const { return (channels_ + width() - 1) / width(); }
  std::size_t width() const { return kernels_->width; }
  // Floats that `run_block` needs to work in.
  std::size_t scratch(std::size_t samples) const;

  // One block: u and y are (L W); u is taken as zero outside the window. With GELU afterwards, or without.
  void run_block(std::size_t block, const float* u, float* y, std::size_t samples, bool activate, float* scratch) const;

  // All channels without GELU: u and y are (L H), time-major.
  void run(std::span<const float> u, std::span<float> y) const;

 private:
  struct Chunked {
    std::size_t states, chunk;
    AlignedFloats taps;     // (H/W 2T-1 W) K[-(T-1)] … K[T-1]
    AlignedFloats change;   // (H/W D N N W) T-th power of Ā, less 1 on the diagonal
    AlignedFloats enter;    // (H/W D T N W) Ā^s B̄
    AlignedFloats observe;  // (H/W D T N W) C₀ Ā^{s+1} and C₁ Ā^s
  };
  struct Cascade {
    std::size_t sections;
    AlignedFloats packed;  // (H/W S kCascadeRows W)
    AlignedFloats skip;    // (H/W W)
  };

  void store(AlignedFloats& packed, std::size_t rows, std::size_t row, std::size_t h, double value) const;
  void pack_direction(Chunked& form, const StateSpace& system, std::size_t direction, std::size_t h) const;

  const Kernels* kernels_;
  std::size_t channels_, directions_;
  std::variant<Chunked, Cascade> form_;
};

}  // namespace ecg2lab
