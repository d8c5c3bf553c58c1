// SPDX-License-Identifier: BSD-3-Clause
//
// Gates of recurrent cells at every SIMD level: the same bits everywhere, close to the formulas in double precision.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>
#include <limits>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

namespace {

using Vector = std::vector<float>;
constexpr float kFree = std::numeric_limits<float>::infinity();

Vector random(std::size_t count, float scale, std::uint64_t seed) {
  const Data data(count, scale, seed);
  return {data.data(), data.data() + count};
}

double sigma(double x) { return 1.0 / (1.0 + std::exp(-x)); }
double limit(double x, double size) { return std::min(std::max(x, -size), size); }

struct Lstm {
  Vector a, b, p, c, h;
  explicit Lstm(std::size_t n)
      : a(random(4 * n, 2.0f, 1)), b(random(4 * n, 2.0f, 2)), p(random(3 * n, 1.0f, 3)), c(random(n, 1.0f, 4)), h(n) {}
};

}  // namespace

TEST_CASE("steps of an LSTM") {
  for (const int hidden : {1, 5, 64, 65, 150})
    for (const bool coupled : {false, true})
      for (const bool peeps : {false, true})
        for (const float clip : {kFree, 0.8f}) {
          const auto n = static_cast<std::size_t>(hidden);
          const Lstm given(n);
          Vector first_c, first_h;
          for (const KernelTable* k : tables()) {
            CAPTURE(k->name);
            Lstm at = given;
            k->gates.step_lstm({hidden, clip, coupled, at.a.data(), at.b.data(), peeps ? at.p.data() : nullptr}, at.c.data(),
                               at.h.data());
            for (std::size_t j = 0; j < n; ++j) {
              const auto sum = [&](std::size_t gate) { return double{given.a[gate * n + j]} + given.b[gate * n + j]; };
              const auto peep = [&](std::size_t gate, double c) { return peeps ? given.p[gate * n + j] * c : 0.0; };
              const double c0 = given.c[j];
              const double i = sigma(limit(sum(0) + peep(0, c0), clip));
              const double f = coupled ? 1.0 - i : sigma(limit(sum(1) + peep(1, c0), clip));
              const double c = f * c0 + i * std::tanh(limit(sum(2), clip));
              const double o = sigma(limit(sum(3) + peep(2, c), clip));
              REQUIRE(at.c[j] == doctest::Approx(c).epsilon(2e-6).scale(0.1));
              REQUIRE(at.h[j] == doctest::Approx(o * std::tanh(c)).epsilon(2e-6).scale(0.1));
            }
            if (first_c.empty()) first_c = at.c, first_h = at.h;
            REQUIRE(at.c == first_c);
            REQUIRE(at.h == first_h);
          }
        }
}

TEST_CASE("steps of a GRU, the state reset before or after the product") {
  for (const int hidden : {1, 5, 64, 65, 150})
    for (const bool before : {false, true})
      for (const float clip : {kFree, 0.8f}) {
        const auto n = static_cast<std::size_t>(hidden);
        const Vector a = random(3 * n, 2.0f, 1), b = random(3 * n, 2.0f, 2), h0 = random(n, 1.0f, 3);
        const Vector candidate = random(n, 1.0f, 4);
        Vector first;
        for (const KernelTable* k : tables()) {
          CAPTURE(k->name);
          Vector h = h0, reset(n);
          const GruArgs args{hidden, clip, a.data(), b.data(), before ? candidate.data() : nullptr};
          k->gates.reset_gru(args, h.data(), reset.data());
          k->gates.step_gru(args, h.data());
          for (std::size_t j = 0; j < n; ++j) {
            const double r = sigma(limit(double{a[j]} + b[j], clip)), z = sigma(limit(double{a[n + j]} + b[n + j], clip));
            const double product = before ? candidate[j] : r * b[2 * n + j];
            const double candidate_state = std::tanh(limit(a[2 * n + j] + product, clip));
            REQUIRE(reset[j] == doctest::Approx(r * h0[j]).epsilon(2e-6).scale(0.1));
            REQUIRE(h[j] == doctest::Approx((1.0 - z) * candidate_state + z * h0[j]).epsilon(2e-6).scale(0.1));
          }
          if (first.empty()) first = h;
          REQUIRE(h == first);
        }
      }
}

TEST_CASE("functions are right to a few units in the last place, also far out and near 0") {
  const Vector points = {0.0f, 1e-30f, 1e-4f, 0.3f, 0.624f, 0.626f, 1.0f, 5.0f, 9.1f, 20.0f, 88.0f, 1e4f, 3e38f};
  for (const KernelTable* k : tables())
    for (const float size : points)
      for (const float x : {size, -size}) {
        CAPTURE(x);
        // With i = o = 1 and f = 0: c = tanh x, h = tanh c. With g and c at 0 and a GRU's z: sigma x.
        const float a[] = {200.0f, -200.0f, x, 200.0f}, none[] = {0.0f, 0.0f, 0.0f, 0.0f};
        float c = 0.0f, h = 0.0f;
        k->gates.step_lstm({1, kFree, false, a, none, nullptr}, &c, &h);
        const double t = std::tanh(double{x});
        REQUIRE(std::abs(c - t) <= 4e-7 * std::abs(t));
        const float gates[] = {0.0f, x, 0.0f};
        float state = 1.0f;
        k->gates.step_gru({1, kFree, gates, none, nullptr}, &state);
        const double s = sigma(x);
        REQUIRE(std::abs(state - s) <= 4e-7 * s + 1.7e-38);  // e^-87, where the exponential ends
      }
}
