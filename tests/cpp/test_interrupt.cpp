// SPDX-License-Identifier: BSD-3-Clause
//
// Computations that are told to stop, on one thread and on several.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <chrono>
#include <vector>

#include "base/interrupt.hpp"
#include "base/parallel.hpp"
#include "imperfect/layer.hpp"

namespace imperfect {
namespace {

using Clock = std::chrono::steady_clock;
using std::chrono::milliseconds;

void work_for(milliseconds time) {
  const Clock::time_point end = Clock::now() + time;
  while (Clock::now() < end) check_interrupt(1.0);
}

TEST_CASE("nothing is asked without a scope, nor after it") {
  int asked = 0;
  {
    const InterruptScope scope([&] { return ++asked > 0; });
  }
  work_for(milliseconds(250));
  CHECK(asked == 0);
  CHECK_NOTHROW(check_interrupt());
}

TEST_CASE("should_stop is asked a few times a second, whatever work lies between checks") {
  int asked = 0;
  const InterruptScope scope([&] { return ++asked < 0; });
  const Clock::time_point end = Clock::now() + milliseconds(550);
  while (Clock::now() < end) check_interrupt();
  CHECK(asked >= 1);
  CHECK(asked <= 6);
}

TEST_CASE("a loop over threads ends, also where only helpers still work") {
  for (const int threads : {1, 2, 4}) {
    const Clock::time_point start = Clock::now();
    const InterruptScope scope([&] { return Clock::now() - start > milliseconds(200); });
    const auto item = [&](std::ptrdiff_t i, int) {
      while (i + 1 < threads || threads == 1) check_interrupt(1e6);
      while (this_thread() != 0) check_interrupt(1e6);
    };
    CHECK_THROWS_AS(parallel_for(threads, threads, item), Interrupted);
    CHECK(Clock::now() - start < milliseconds(5000));
  }
}

TEST_CASE("an interrupted layer is as it was, and may be used while one is asked") {
  constexpr int kSide = 256;
  constexpr std::size_t kMany = 20000, kSize = kSide;
  LayerShape shape;
  shape.in_channels = shape.out_channels = kSide;
  std::vector<float> weight(kSize * kSize), x(kMany * kSize, 0.5f), y(x.size());
  for (std::size_t i = 0; i < weight.size(); ++i) weight[i] = static_cast<float>(i % 17) / 16.0f;
  Hardware hardware;
  hardware.weight_bits = 8;
  hardware.cell.bits = 2;
  Layer layer(shape, {weight.data(), weight.size()}, {}, hardware, 1);
  const BatchShape one{1, kSide, 1, 1}, many{kMany, kSide, 1, 1};
  const auto small = [&] {
    std::vector<float> found(kSize);
    layer.forward({x.data(), kSize}, one, {found.data(), found.size()});
    return found;
  };
  const std::vector<float> before = small();
  int asked = 0;
  const InterruptScope scope([&] { return small() == before && ++asked >= 2; });
  const auto run = [&] {
    while (true) layer.forward({x.data(), x.size()}, many, {y.data(), y.size()});
  };
  CHECK_THROWS_AS(run(), Interrupted);
  CHECK(asked == 2);
  const auto program = [&] {
    for (std::uint64_t seed = 2; true; ++seed) layer.program(seed);
  };
  CHECK_THROWS_AS(program(), Interrupted);
}

}  // namespace
}  // namespace imperfect
