// The convolution of one S4 layer as a recurrence over chunks.
//
// Glossary: H channels, N states, L window, T chunk, D directions (1 causal, 2 bidirectional), Ā B̄ C discretised real
// state space of a direction, k[t] = C Āᵗ B̄; d the skip weight. All arrays have the channel last, so that one vector
// instruction serves as many channels as a register holds.
#pragma once

#include <span>
#include <vector>

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
  Scan(const StateSpace& system, std::size_t chunk);

  // u and y are (L H), time-major; u is taken as zero outside the window. Not in place.
  void run(std::span<const float> u, std::span<float> y) const;

  std::size_t channels() const { return channels_; }

 private:
  void store(std::vector<float>& packed, std::size_t index, std::size_t h, double value) const;
  void pack_direction(const StateSpace& system, std::size_t direction, std::size_t h);
  // `count` channels from `first` on.
  void run_block(const float* u, float* y, std::size_t length, std::size_t first, std::size_t count) const;
  void inside_chunks(const float* u, float* y, std::size_t length, std::size_t first, std::size_t count) const;
  void across_chunks(const float* u, float* y, std::size_t length, std::size_t first, std::size_t count,
                     std::size_t direction) const;

  std::size_t channels_, state_size_, directions_, chunk_;
  std::vector<float> taps_;     // (2T-1 H) K[-(T-1)] … K[T-1]
  std::vector<float> change_;   // (D N N H) T-th power of Ā, less 1 on the diagonal
  std::vector<float> krylov_;   // (D T N H) Ā^s B̄
  std::vector<float> observe_;  // (D T N H) C₀ Ā^{s+1} and C₁ Ā^s
};

}  // namespace ecg2lab
