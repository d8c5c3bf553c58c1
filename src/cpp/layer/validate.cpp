// SPDX-License-Identifier: BSD-3-Clause
//
// The rules of the hardware structs. The Python dataclasses state the same rules in their own words; this is for callers that
// fill the structs themselves.
#include <cmath>

#include "base/check.hpp"
#include "device/drift.hpp"
#include "imperfect/hardware.hpp"

namespace imperfect {
namespace {

constexpr int kMaxBits = 16;
constexpr double kLargestValue = 1e30;  // what sums in single precision can hold

void check_bits(const char* name, const std::optional<int>& bits, int low) {
  check(!bits || (*bits >= low && *bits <= kMaxBits), name, "=", bits.value_or(0), ": must be from ", low, " to ", kMaxBits,
        ", or absent (ideal)");
}

void check_count(const char* name, const std::optional<int>& count) {
  check(!count || *count >= 1, name, "=", count.value_or(0), ": must be at least 1, or absent (unlimited)");
}

void check_not_negative(const char* name, double value) {
  check(value >= 0.0 && value <= kLargestValue, name, "=", value, ": must be from 0 to ", kLargestValue);
}

void check_positive(const char* name, double value) {
  check(value > 0.0 && value <= kLargestValue, name, "=", value, ": must be above 0 and at most ", kLargestValue);
}

void check_probability(const char* name, double value) {
  check(value >= 0.0 && value <= 1.0, name, "=", value, ": must be from 0 to 1");
}

void check_percentile(const char* name, double value) {
  check(value > 50.0 && value <= 100.0, name, "=", value, ": a percentile must be above 50 and at most 100");
}

void check_method(const char* name, const RangeMethod& method) {
  if (method.kind == RangeMethod::Kind::kPercentile) check_percentile(name, method.percentile);
}

/// n conductances, n deviations, and with three columns n finite mean errors.
void check_table(const char* role, const std::vector<double>& params, std::size_t columns = 2) {
  check(params.size() >= 2 * columns && params.size() % columns == 0, role,
        ": a table needs at least 2 points, g first, then sigma, then the mean");
  const std::size_t n = params.size() / columns;
  for (const double p : params) check(std::isfinite(p), role, ": table parameter ", p, " must be finite");
  for (std::size_t i = 0; i < n; ++i) {
    check(params[i] >= 0.0 && params[i] <= 1.0 && (i == 0 || params[i] > params[i - 1]), role, ": table g[", i,
          "]=", params[i], ": must increase from 0 to 1");
    check_not_negative(role, params[n + i]);
  }
}

void check_read_noise(const ReadNoise& law, const Cell& cell) {
  constexpr const char* kRole = "cell.read_noise";
  using Kind = ReadNoise::Kind;
  if (law.kind == Kind::kTable) return check_table(kRole, law.params);
  const std::size_t count = law.kind == Kind::kFlicker                                        ? 6
                            : law.kind == Kind::kLogarithmic || law.kind == Kind::kSaturating ? 2
                                                                                              : 1;
  check(law.params.size() == count, kRole, ": ", law.params.size(), " parameters for a law that takes ", count);
  check_not_negative(kRole, law.params[0]);
  for (std::size_t i = 1; i < count; ++i) check_positive(kRole, law.params[i]);
  if (law.kind != Kind::kLogarithmic) return;
  check(cell.g_max.has_value(), "cell.g_max: absent; read noise stated in microsiemens needs it");
  // Why: 1e-6 times a ratio is rounded.
  check(*cell.g_max / cell.on_off_ratio >= 1e-6 * (1.0 - 1e-9), "cell.on_off_ratio=", cell.on_off_ratio,
        ": g_max / on_off_ratio must be at least 1 microsiemens, where this law of cell.read_noise begins");
}

/// {A, B} of a saturating deviation, or {tolerance, most pulses, deviation} of closed-loop programming.
void check_two_or_three(const ProgrammingLaw& law) {
  const std::vector<double>& p = law.params;
  const bool saturating = law.kind == ProgrammingLaw::Kind::kSaturating;
  check(p.size() == (saturating ? 2 : 3), "cell.programming: ", p.size(), " parameters for a law that takes ",
        saturating ? 2 : 3);
  check_not_negative("cell.programming: A or tolerance", p[0]);
  if (saturating) return check_positive("cell.programming: B", p[1]);
  check(p[1] >= 1.0 && p[1] <= 65535.0 && p[1] == std::floor(p[1]), "cell.programming: most pulses=", p[1],
        ": must be a whole number from 1 to 65535");
  check_not_negative("cell.programming: deviation of a pulse", p[2]);
}

void check_law(const ProgrammingLaw& law) {
  using Kind = ProgrammingLaw::Kind;
  check(!law.params.empty(), "cell.programming: a law without parameters");
  if (law.kind == Kind::kTable) return check_table("cell.programming", law.params);
  if (law.kind == Kind::kMeanTable) return check_table("cell.programming", law.params, 3);
  if (law.kind == Kind::kSaturating || law.kind == Kind::kWriteVerify) return check_two_or_three(law);
  if (law.kind == Kind::kPolynomialX) {
    check(law.params.size() >= 2, "cell.programming: a polynomial in x needs its reference g_max and a coefficient");
    check_positive("cell.programming: reference g_max in microsiemens", law.params[0]);
  } else if (law.kind != Kind::kPolynomial) {
    check(law.params.size() == 1, "cell.programming: ", law.params.size(), " parameters for a law that takes one");
    check_not_negative("cell.programming: sigma or width", law.params[0]);
  }
  for (const double p : law.params) check(std::isfinite(p), "cell.programming: parameter ", p, " must be finite");
}

void check_curve(const Cell& cell) {
  using Kind = IvCurve::Kind;
  const std::vector<double>& p = cell.curve.params;
  if (cell.v_read) check_positive("cell.v_read", *cell.v_read);
  if (cell.curve.kind == Kind::kNone) return;
  check(cell.g_max.has_value() && cell.v_read.has_value(), "cell.curve: needs cell.g_max and cell.v_read");
  for (const double value : p) check(std::isfinite(value), "cell.curve: parameter ", value, " must be finite");
  if (cell.curve.kind == Kind::kLogPolynomials) {
    check(p.size() >= 5 && p[0] > 0.0 && p[1] > p[0] && p[2] >= 1.0 && p[2] == std::floor(p[2]) &&
              p[2] + 4.0 <= static_cast<double>(p.size()),
          "cell.curve: must be {lowest G, highest G, n, n coefficients, one or more coefficients}");
    return;
  }
  const std::size_t count = p.size() / 3;
  check(count >= 1 && p.size() % 3 == 0, "cell.curve: a table needs as many a2 and a3 as G, one or more");
  for (std::size_t i = 0; i < count; ++i)
    check(p[i] > 0.0 && (i == 0 || p[i] > p[i - 1]), "cell.curve: G=", p[i], ": must be above 0 and increase");
}

void check_cell(const Hardware& hardware) {
  const Cell& cell = hardware.cell;
  check_bits("cell.bits", cell.bits, 1);
  if (cell.g_max) check_positive("cell.g_max", *cell.g_max);
  check(cell.on_off_ratio > 1.0, "cell.on_off_ratio=", cell.on_off_ratio, ": must be above 1");
  check_not_negative("cell.g_min_sigma", cell.g_min_sigma);
  check_not_negative("cell.g_max_sigma", cell.g_max_sigma);
  for (const ProgrammingLaw& law : cell.programming) {
    check_law(law);
    check(law.kind != ProgrammingLaw::Kind::kWeightGaussian || cell.programming.size() == 1,
          "cell.programming: a law on weights cannot be combined with laws on cells");
    check(law.kind != ProgrammingLaw::Kind::kPolynomial || cell.g_max.has_value(),
          "cell.g_max: absent; a law stated in microsiemens needs it");
  }
  check_curve(cell);
  for (const DriftLaw& law : cell.drift) check_drift(law, cell);
  for (const ReadNoise& law : cell.read_noise) check_read_noise(law, cell);
  for (const StuckAt& law : cell.faults) {
    check_probability("cell.faults: p_on", law.p_on);
    check_probability("cell.faults: p_off", law.p_off);
  }
  if (cell.bits && hardware.weight_bits) {
    const int stored = hardware.scheme == Scheme::kOffset ? *hardware.weight_bits : *hardware.weight_bits - 1;
    check(*cell.bits <= stored, "cell.bits=", *cell.bits, ": a cell cannot hold more than the ", stored,
          " bits that weight_bits=", *hardware.weight_bits, " leaves for it");
  }
}

void check_weights(const Hardware& hardware) {
  check_bits("weight_bits", hardware.weight_bits, 2);
  const bool offset = hardware.scheme == Scheme::kOffset;
  check(!hardware.two_sided || (!hardware.weight_bits && !offset),
        "two_sided: needs continuous weights (weight_bits absent) ", "and the differential scheme");
  check(!offset || hardware.subtract == Subtract::kAnalog, "subtract: digital subtraction needs the differential scheme");
  check(offset || hardware.offset_removal == OffsetRemoval::kDigital,
        "offset_removal: a unit column needs the offset scheme");
  if (hardware.weight_range.kind == WeightRange::Kind::kPercentile)
    check_percentile("weight_range", hardware.weight_range.value);
  if (hardware.weight_range.kind == WeightRange::Kind::kValue) check_positive("weight_range", hardware.weight_range.value);
}

void check_wires(const Hardware& hardware) {
  constexpr double kLargest = 1e9;
  const Wires& wires = hardware.array.wires;
  for (const auto& [name, value] : {std::pair{"array.r_row", wires.r_row}, std::pair{"array.r_col", wires.r_col},
                                    std::pair{"array.r_driver", wires.r_driver}, std::pair{"array.r_sense", wires.r_sense}})
    check(value == 0.0 || (value >= 1.0 / kLargest && value <= kLargest), name, "=", value,
          ": must be 0 or from 1e-9 to 1e9 ohm");
  if (!hardware.array.has_wires()) return;
  check(hardware.cell.g_max.has_value(), "cell.g_max: absent; wires need it");
  const auto& laws = hardware.cell.programming;
  check(laws.empty() || laws[0].kind != ProgrammingLaw::Kind::kWeightGaussian,
        "cell.programming: a law on weights gives no conductances, which wires need");
}

void check_dac(const Dac& dac) {
  check_bits("dac.bits", dac.bits, 1);
  check(!dac.slice_bits || dac.bits, "dac.slice_bits=", dac.slice_bits.value_or(0), ": needs dac.bits");
  check_bits("dac.slice_bits", dac.slice_bits, 1);
  check(!dac.two_pass || !dac.is_signed.value_or(false), "dac.two_pass: drives magnitudes only, so inputs cannot be signed");
  if (dac.range) check_positive("dac.range", *dac.range);
  check_method("dac.method", dac.method);
  const auto& points = dac.nonlinearity;
  if (points.empty()) return;
  check(dac.bits.has_value(), "dac.nonlinearity: needs dac.bits, an ideal input has no digits");
  check(points.size() >= 2 && points.front() == std::pair(0.0, 0.0) && points.back().first == 1.0,
        "dac.nonlinearity: must go from (0, 0) to v = 1");
  for (std::size_t i = 1; i < points.size(); ++i) {
    check(points[i].first > points[i - 1].first, "dac.nonlinearity: point ", i, ": v must increase");
    check_not_negative("dac.nonlinearity: f(v)", points[i].second);
  }
}

void check_inl(const Adc& adc) {
  constexpr int kMostDrawnBits = 12, kMostStageBits = 8;
  constexpr double kLargestSigma = 0.2;
  const std::vector<double>& params = adc.inl.params;
  if (adc.inl.kind == Inl::Kind::kNone) return;
  check(adc.bits.has_value(), "adc.inl: needs adc.bits, an ideal converter has no errors");
  if (adc.inl.kind == Inl::Kind::kTable) {
    const std::size_t n = params.size() / 2;
    check(n >= 2 && params.size() % 2 == 0, "adc.inl: a table needs at least 2 points, codes first, then errors");
    for (std::size_t i = 0; i < n; ++i)
      check(params[i] >= 0.0 && params[i] < std::ldexp(1.0, *adc.bits) && (i == 0 || params[i] > params[i - 1]) &&
                std::isfinite(params[n + i]),
            "adc.inl: point ", i, ": codes must increase within those of adc.bits=", *adc.bits, ", errors be finite");
    return;
  }
  const bool is_pipeline = adc.inl.kind == Inl::Kind::kPipeline;
  check(*adc.bits <= kMostDrawnBits, "adc.bits=", *adc.bits, ": at most ", kMostDrawnBits, " with a drawn adc.inl");
  check(params.size() == (is_pipeline ? 2u : 1u), "adc.inl: ", params.size(), " parameters do not fit the law");
  check(params.back() >= 0.0 && params.back() <= kLargestSigma, "adc.inl: sigma=", params.back(), ": must be from 0 to ",
        kLargestSigma);
  check(!is_pipeline || (params[0] >= 1.0 && params[0] <= kMostStageBits && params[0] == std::floor(params[0])),
        "adc.inl: bits of a stage=", params[0], ": must be an integer from 1 to ", kMostStageBits);
}

void check_adc(const Hardware& hardware) {
  const Adc& adc = hardware.adc;
  for (const auto& [name, value] : {std::pair{"adc.gain_sigma", adc.gain_sigma},
                                    std::pair{"adc.offset_sigma", adc.offset_sigma}, std::pair{"adc.noise", adc.noise}}) {
    check_not_negative(name, value);
    check(value == 0.0 || adc.bits, name, "=", value, ": needs adc.bits, an ideal converter has no errors");
  }
  check_inl(adc);
  check_bits("adc.bits", adc.bits, 1);
  check(adc.method.kind != RangeMethod::Kind::kMax, "adc.method: must be a percentile or mse");
  check_method("adc.method", adc.method);
  check(!adc.tie_slices || adc.range == Adc::RangeKind::kCalibrated, "adc.tie_slices: needs a calibrated adc.range");
  if (adc.range == Adc::RangeKind::kExplicit) {
    const auto slices = static_cast<std::size_t>(num_slices(hardware));
    check(adc.ranges.size() == 1 || adc.ranges.size() == slices, "adc.range: ", adc.ranges.size(),
          " pairs; must be one, or one for each of the ", slices, " slices");
    for (const auto& [low, high] : adc.ranges)
      check(low < high && std::isfinite(low) && std::isfinite(high), "adc.range=(", low, ", ", high,
            "): low must be below high, both finite");
  }
  if (adc.range != Adc::RangeKind::kLossless || !adc.bits) return;
  check(hardware.dac.bits.has_value(), "adc.range='lossless': needs a quantised DAC (dac.bits)");
  check(hardware.weight_bits || hardware.cell.bits,
        "adc.range='lossless': needs cells with levels (weight_bits or cell.bits)");
  const bool cancels = hardware.scheme == Scheme::kDifferential ? hardware.subtract == Subtract::kAnalog
                                                                : hardware.offset_removal == OffsetRemoval::kUnitColumn;
  check(cancels || std::isinf(hardware.cell.on_off_ratio),
        "adc.range='lossless': with a finite cell.on_off_ratio=", hardware.cell.on_off_ratio,
        " it needs analog subtraction or a unit column");
}

}  // namespace

void validate(const Hardware& hardware) {
  check_weights(hardware);
  check_cell(hardware);
  check_count("array.rows", hardware.array.rows);
  check_count("array.cols", hardware.array.cols);
  if (hardware.array.column_current_max) check_positive("array.column_current_max", *hardware.array.column_current_max);
  check_wires(hardware);
  check_dac(hardware.dac);
  check_adc(hardware);
}

}  // namespace imperfect
