// SPDX-License-Identifier: BSD-3-Clause
//
// Drift by a power of time: g exp(-ln((t + t0)/t0) |m + s z|). Like the draws, compiled without contraction and made of
// correctly rounded operations only, so that drifted cells have the same bits at every SIMD level.
#include "kernels/drift.hpp"

#include "kernels/draws.hpp"
#include "kernels/exponential.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

inline float clip(float x, float low, float high) {
  x = x < low ? low : x;
  return x > high ? high : x;
}

template <bool ByTarget>
void drift(const PowerDriftArgs& args, const float* targets, const float* z, std::size_t count, float* g) {
  const PowerDriftArgs::Clipped m = args.mean, s = args.spread;
  const float rate = -args.log_ratio;
  for (std::size_t i = 0; i < count; ++i) {
    float mean = m.constant, spread = s.constant;
    if (ByTarget) {
      const float log_x = natural_log(targets[i] > 1e-7f ? targets[i] : 1e-7f);
      mean = clip(m.constant + m.per_log * log_x, m.low, m.high);
      spread = clip(s.constant + s.per_log * log_x, s.low, s.high);
    }
    const float exponent = mean + spread * z[i];
    const float y = rate * (exponent < 0.0f ? -exponent : exponent);
    g[i] *= exponential(y > -87.0f ? y : -87.0f);
  }
}

}  // namespace

void drift_by_power(const PowerDriftArgs& args, const float* targets, const float* z, std::size_t count, float* g) {
  const bool by_target = args.mean.per_log != 0.0f || args.spread.per_log != 0.0f;
  (by_target ? drift<true> : drift<false>)(args, targets, z, count, g);
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
