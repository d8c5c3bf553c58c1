// SPDX-License-Identifier: BSD-3-Clause
//
// Every cell of a layer passes through these loops whenever it is programmed. They are compiled without contraction, so that
// programmed cells, like the draws, have the same bits at every SIMD level.
#include "kernels/cells.hpp"

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

using Four = Eigen::internal::Packet4f;
constexpr int kFour = 4;

template <bool Pairs>
inline Four load_cells(const PackArgs& args, std::ptrdiff_t at) {
  const Four plus = Eigen::internal::ploadu<Four>(args.plus + at);
  return Pairs ? Eigen::internal::psub(plus, Eigen::internal::ploadu<Four>(args.minus + at)) : plus;
}

/// Four lines at a time, in squares of 4×4.
template <bool Pairs>
void pack_four_lines(const PackArgs& args, int first) {
  float* to = args.to + first;
  int row = 0;
  for (; row + kFour <= args.rows; row += kFour, to += kFour * args.width) {
    Eigen::internal::PacketBlock<Four, kFour> square;
    for (int o = 0; o < kFour; ++o) square.packet[o] = load_cells<Pairs>(args, (first + o) * args.line + row);
    Eigen::internal::ptranspose(square);
    for (int r = 0; r < kFour; ++r) Eigen::internal::pstoreu(to + r * args.width, square.packet[r]);
  }
  for (; row < args.rows; ++row, to += args.width)
    for (int o = 0; o < kFour; ++o) {
      const std::ptrdiff_t at = (first + o) * args.line + row;
      to[o] = Pairs ? args.plus[at] - args.minus[at] : args.plus[at];
    }
}

template <bool Pairs>
void pack(const PackArgs& args) {
  int first = 0;
  for (; first + kFour <= args.width; first += kFour) pack_four_lines<Pairs>(args, first);
  for (; first < args.width; ++first)
    for (int row = 0; row < args.rows; ++row) {
      const std::ptrdiff_t at = first * args.line + row;
      args.to[std::ptrdiff_t{row} * args.width + first] = Pairs ? args.plus[at] - args.minus[at] : args.plus[at];
    }
}

}  // namespace

void place_digits(const PlaceArgs& args, const float* numbers, std::size_t count, float* cells) {
  const float low = args.low, step = args.step;
  if (args.mask == 0) {
    for (std::size_t i = 0; i < count; ++i) cells[i] = low + step * numbers[i];
    return;
  }
  const int sign = args.sign, shift = args.shift, mask = args.mask;
  for (std::size_t i = 0; i < count; ++i) {
    const int number = sign * static_cast<int>(numbers[i]);
    const int part = number > 0 ? number : 0;
    cells[i] = low + step * static_cast<float>(part >> shift & mask);
  }
}

void add_normal_errors(const NormalErrorArgs& args, const float* z, std::size_t count, float* g) {
  if (args.terms == 1) {
    const auto constant = static_cast<float>(args.coefficients[0] * args.unit);
    const float sigma = constant > 0.0f ? constant : 0.0f;
    for (std::size_t i = 0; i < count; ++i) g[i] += sigma * z[i];
    return;
  }
  for (std::size_t i = 0; i < count; ++i) {
    const double x = g[i] * args.scale;
    double sum = 0.0;
    for (int j = args.terms - 1; j >= 0; --j) sum = sum * x + args.coefficients[j];
    const auto sigma = static_cast<float>(sum * args.unit);
    g[i] += (sigma > 0.0f ? sigma : 0.0f) * z[i];
  }
}

void to_digits(float g_min, float per_conductance, std::size_t count, float* cells) {
  for (std::size_t i = 0; i < count; ++i) {
    const float g = cells[i] > 0.0f ? cells[i] : 0.0f;
    cells[i] = (g - g_min) * per_conductance;
  }
}

void pack_lines(const PackArgs& args) { args.minus != nullptr ? pack<true>(args) : pack<false>(args); }

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
