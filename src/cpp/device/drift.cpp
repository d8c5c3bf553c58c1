// SPDX-License-Identifier: BSD-3-Clause
//
// The drift laws; sources stand with the Python classes.
#include "device/drift.hpp"

#include <algorithm>
#include <cmath>
#include <string>

#include "base/check.hpp"
#include "base/linear_table.hpp"

namespace imperfect {
namespace {

using Kind = DriftLaw::Kind;

constexpr std::size_t kTerms = 5;  // coefficients of kSpreadPolynomials at one time

std::size_t count_at(const DriftLaw& law, std::size_t i) { return static_cast<std::size_t>(law.params.at(i)); }

/// One row {t, coefficients} of kSpreadPolynomials.
const double* polynomial_row(const DriftLaw& law, std::size_t i) { return law.params.data() + 2 + i * (1 + kTerms); }

/// The row of kSpreadPolynomials that holds at this time; null where nothing was measured.
const double* find_polynomial(const DriftLaw& law, double seconds) {
  if (seconds == 0.0) return polynomial_row(law, 0);
  for (std::size_t i = 0; i < count_at(law, 1); ++i)
    if (polynomial_row(law, i)[0] == seconds) return polynomial_row(law, i);
  return nullptr;
}

void check_time(const DriftLaw& law, double seconds) {
  // Why: ln t below 1 s would let conductances rise from what they were.
  check(law.kind != Kind::kShift || seconds == 0.0 || seconds >= 1.0, "seconds=", seconds,
        ": must be 0 or at least 1 for a drift law in ln t");
  if (law.kind == Kind::kSpreadPolynomials && find_polynomial(law, seconds) == nullptr) {
    std::string times = "0";
    for (std::size_t i = 0; i < count_at(law, 1); ++i)
      times += ", " + std::to_string(static_cast<long long>(polynomial_row(law, i)[0]));
    fail("seconds=", seconds, ": must be one of ", times, ", when the law of cell.drift was measured");
  }
  double last = HUGE_VAL;
  if (law.kind == Kind::kTable) last = law.params[1 + count_at(law, 0)];
  if (law.kind == Kind::kSpreadSaturating) last = law.params[law.params.size() - 3];
  check(seconds <= last, "seconds=", seconds, ": must be at most ", last, ", the last time at which cell.drift was measured");
}

/// Change of the mean and deviation of a table's points at a time: {points, changes} and {points, deviations}.
struct TablePoints {
  std::vector<double> change;
  std::vector<double> sigma;
};

TablePoints table_at(const DriftLaw& law, double seconds) {
  const std::size_t times = count_at(law, 0), points = count_at(law, 1);
  const double* const time = law.params.data() + 2;
  const double* const g = time + times;
  const double* const mean = g + points;
  const double* const sigma = mean + times * points;
  const auto after = static_cast<std::size_t>(std::lower_bound(time, time + times, seconds) - time);
  double part = after == 0 ? seconds / time[0] : 0.0;  // of the way from the measurement before to the one after
  if (after > 0) part = std::log(seconds / time[after - 1]) / std::log(time[after] / time[after - 1]);
  TablePoints result{{g, g + points}, {g, g + points}};
  for (std::size_t j = 0; j < points; ++j) {
    const double m0 = after == 0 ? g[j] : mean[(after - 1) * points + j], m1 = mean[after * points + j];
    const double s0 = after == 0 ? 0.0 : sigma[(after - 1) * points + j], s1 = sigma[after * points + j];
    result.change.push_back(m0 + part * (m1 - m0) - g[j]);
    result.sigma.push_back(s0 + part * (s1 - s0));
  }
  return result;
}

bool has_right_size(const DriftLaw& law) {
  const std::size_t size = law.params.size();
  switch (law.kind) {
    case Kind::kPower: return size == 9;
    case Kind::kShift: return size == 3;
    case Kind::kTable: {
      if (size < 2 || !(law.params[0] >= 1.0 && law.params[0] <= 1e6 && law.params[1] >= 2.0 && law.params[1] <= 1e6))
        return false;
      const std::size_t times = count_at(law, 0), points = count_at(law, 1);
      return size == 2 + times + points + 2 * times * points;
    }
    case Kind::kSpreadPolynomials:
      return size >= 2 && law.params[1] >= 1.0 && law.params[1] <= 1e6 && size == 2 + count_at(law, 1) * (1 + kTerms);
    case Kind::kSpreadSaturating: return size >= 3 && size % 3 == 0;
  }
  return false;
}

void check_increasing(const char* name, const double* values, std::size_t count, double low) {
  for (std::size_t i = 0; i < count; ++i)
    check(values[i] >= low && (i == 0 || values[i] > values[i - 1]), "cell.drift: ", name, "[", i, "]=", values[i],
          ": must increase, from ", low, " at least");
}

/// Times of the rows of a law that replaces the spread.
void check_row_times(const DriftLaw& law) {
  constexpr double kLast = 1e15;
  const bool polynomials = law.kind == Kind::kSpreadPolynomials;
  const std::size_t width = polynomials ? 1 + kTerms : 3;
  double before = -1.0;
  for (std::size_t i = polynomials ? 2 : 0; i < law.params.size(); i += width) {
    const double time = law.params[i];
    check(time >= 0.0 && time > before && time <= kLast, "cell.drift: time=", time, ": times must increase, from 0 to ",
          kLast);
    before = time;
  }
}

}  // namespace

void check_drift_time(const Cell& cell, double seconds) {
  check(std::isfinite(seconds) && seconds >= 0.0, "seconds=", seconds, ": must be finite and not negative");
  for (const DriftLaw& law : cell.drift) check_time(law, seconds);
}

bool replaces_spread(const DriftLaw& law) {
  return law.kind == Kind::kSpreadPolynomials || law.kind == Kind::kSpreadSaturating;
}

ProgrammingLaw spread_at(const DriftLaw& law, double seconds) {
  const std::vector<double>& p = law.params;
  if (law.kind == Kind::kSpreadPolynomials) {
    const double* const row = find_polynomial(law, seconds);
    ProgrammingLaw result{ProgrammingLaw::Kind::kPolynomialX, {p[0]}};
    result.params.insert(result.params.end(), row + 1, row + 1 + kTerms);
    return result;
  }
  std::size_t i = 0;
  while (i + 6 < p.size() && p[i + 3] < seconds) i += 3;
  if (seconds <= p[0]) return {ProgrammingLaw::Kind::kSaturating, {p[1], p[2]}};
  const double part = (seconds - p[i]) / (p[i + 3] - p[i]);
  return {ProgrammingLaw::Kind::kSaturating,
          {p[i + 1] + part * (p[i + 4] - p[i + 1]), p[i + 2] + part * (p[i + 5] - p[i + 2])}};
}

PowerDrift power_drift(const DriftLaw& law, double seconds) {
  PowerDrift result{std::log1p(seconds / law.params.at(0)), {}, {}};
  std::copy_n(law.params.begin() + 1, 4, result.mean);
  std::copy_n(law.params.begin() + 5, 4, result.spread);
  return result;
}

void apply_drift(const DriftLaw& law, const Cell& cell, double seconds, const float* z, float* g, std::size_t count) {
  if (law.kind == Kind::kShift) {
    const double g_max_us = cell.g_max.value() * 1e6, log_t = std::log(seconds);
    const auto shift = static_cast<float>(law.params[0] * log_t / g_max_us);
    const auto sigma = static_cast<float>(std::max(0.0, law.params[1] * log_t + law.params[2]) / g_max_us);
    const auto g_min = static_cast<float>(1.0 / cell.on_off_ratio);
    for (std::size_t i = 0; i < count; ++i) g[i] = std::clamp(g[i] + shift + sigma * z[i], g_min, 1.0f);
    return;
  }
  check(law.kind == Kind::kTable, "cell.drift: a law of this kind has no loop here");
  const TablePoints points = table_at(law, seconds);
  const LinearTable change(points.change), sigma(points.sigma);
  for (std::size_t i = 0; i < count; ++i)
    g[i] = std::max(0.0f, g[i] + static_cast<float>(change(g[i])) + static_cast<float>(sigma(g[i])) * z[i]);
}

void check_drift(const DriftLaw& law, const Cell& cell) {
  check(has_right_size(law), "cell.drift: ", law.params.size(), " numbers are not what a law of this kind takes");
  for (const double p : law.params) check(std::isfinite(p), "cell.drift: parameter ", p, " must be finite");
  const double* const p = law.params.data();
  if (law.kind == Kind::kPower) check(p[0] > 0.0, "cell.drift: t0=", p[0], ": must be positive");
  if (law.kind == Kind::kShift)
    check(cell.g_max.has_value(), "cell.g_max: absent; a drift law stated in microsiemens needs it");
  if (law.kind == Kind::kTable) {
    check_increasing("seconds", p + 2, count_at(law, 0), 1e-300);
    check_increasing("g", p + 2 + count_at(law, 0), count_at(law, 1), 0.0);
  }
  if (!replaces_spread(law)) return;
  check_row_times(law);
  const ProgrammingLaw first = spread_at(law, 0.0);
  const auto is_first = [&](const ProgrammingLaw& other) { return other.kind == first.kind && other.params == first.params; };
  check(
      cell.drift.size() == 1 && std::count_if(cell.programming.begin(), cell.programming.end(), is_first) == 1,
      "cell.drift: a law that replaces the spread must be the only drift law, and its first law be in cell.programming once");
}

}  // namespace imperfect
