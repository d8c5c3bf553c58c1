// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// What the hardware is: plain structs, one per part, with the same names as the Python dataclasses; "What is modelled" has
/// the equations. Defaults are ideal; an empty optional means "ideal" or "unlimited". Conductances are relative to g_max and
/// currents are in unit currents (one cell at g_max driven at full scale = 1) unless a comment names a unit; deviations are
/// standard deviations. `validate` refuses anything that cannot be built.
#pragma once

#include <cstdint>
#include <limits>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imperfect/wires.hpp"

namespace imperfect {

/// How a signed weight becomes non-negative conductances.
enum class Scheme {
  kDifferential,  ///< a pair of cells, of which one is subtracted
  kOffset         ///< one cell, shifted by half its range
};
/// Where the negative polarity of a differential pair is subtracted: before the converter, or after two conversions.
enum class Subtract {
  kAnalog,  ///< currents are subtracted
  kDigital  ///< codes are subtracted
};
/// How the offset of the offset scheme is removed.
enum class OffsetRemoval {
  kDigital,    ///< computed from the inputs
  kUnitColumn  ///< read from one more bit line in each array
};
/// Whether one weight range serves the whole layer or each output has its own.
enum class RangePer {
  kLayer,   ///< one for the layer
  kChannel  ///< one for each output
};
/// Whether grouped convolutions keep each group in arrays of its own or share arrays block-diagonally.
enum class Grouping {
  kSeparate,      ///< each group in arrays of its own
  kBlockDiagonal  ///< groups share arrays
};
/// How rows or columns are cut into arrays: equal blocks, or full blocks first.
enum class Partition {
  kEqual,  ///< blocks of equal size
  kFill    ///< full arrays first
};
/// Whether the cycles of one product are summed after conversion or before it.
enum class Accumulate {
  kDigital,  ///< every cycle is converted
  kAnalog    ///< the sum of the cycles is converted
};

/// The weight that maps to the largest conductance: max|W|, a percentile (in percent), or an explicit value.
struct WeightRange {
  /// Which of them.
  enum class Kind {
    kMax,         ///< the largest magnitude
    kPercentile,  ///< of the magnitudes, above 50 and at most 100
    kValue        ///< as given, above 0
  };
  Kind kind = Kind::kMax;  ///< which
  double value = 0.0;      ///< the percentile, or the weight itself
};

/// How a converter's range is found from data. `percentile` is in percent and used by kPercentile only.
struct RangeMethod {
  /// Which way.
  enum class Kind {
    kMax,         ///< nothing is clipped
    kPercentile,  ///< of the magnitudes
    kMse          ///< the least mean squared error
  };
  Kind kind = Kind::kMax;     ///< which
  double percentile = 100.0;  ///< above 50 and at most 100
};

/// One programming law. `params` by kind: {sigma} for the first four and kWeightGaussian ({width} for kUniform);
/// kTable: n conductances, then n deviations, relative to g_max; kMeanTable: the same and n mean errors; kPolynomial:
/// coefficients of sigma[uS] in ascending powers of G[uS]; kPolynomialX: {g_ref[uS], coefficients in ascending powers of x =
/// g/g_max}, times g_max/g_ref; kSaturating: {A, B} of sigma = A (1 - exp(-g/B)); kWriteVerify: {tolerance, most pulses,
/// deviation of a pulse}.
struct ProgrammingLaw {
  /// What the error depends on; z is a normal draw of the cell, u a uniform one from 0 to 1.
  enum class Kind {
    kGaussian,        ///< g + sigma z
    kProportional,    ///< g (1 + sigma z)
    kLogNormal,       ///< g exp(sigma z - sigma²/2)
    kUniform,         ///< g + width (u - 1/2)
    kWeightGaussian,  ///< sigma z of the weight range, on recombined weights
    kTable,           ///< sigma(g), linear between points
    kMeanTable,       ///< a mean error and sigma(g), linear between points
    kPolynomial,      ///< sigma a polynomial of G in microsiemens
    kPolynomialX,     ///< sigma a polynomial of g/g_max
    kSaturating,      ///< sigma = A (1 - exp(-g/B))
    kWriteVerify      ///< pulses until the cell is within a tolerance
  };
  Kind kind = Kind::kGaussian;  ///< which
  std::vector<double> params;   ///< as `kind` needs them
};

/// One law of read noise: the current of a cell driven at v varies with deviation sigma(g)·v, fresh at every read. `params`
/// by kind: {sigma}, of sqrt(g) for kSqrt, or as ProgrammingLaw's for kTable and kSaturating. Noise that grows with the time
/// t since programming, in seconds, g_w being the conductance as written:
///   kFlicker: {q, exponent, floor, most, t0, t_r}: g Q sqrt(ln((t + t0 + t_r)/(2 t_r))), Q = min(q/max(g_w^exponent, floor),
///     most);
///   kLogarithmic: {s, t_r} in uS: s log10(G) sqrt(ln((t + t_r)/(2 t_r))), 0 below 1 uS and up to t_r.
/// Over the cycles of one product the draws of a cell are independent, or one and the same (kProduct).
struct ReadNoise {
  /// What sigma(g) is.
  enum class Kind {
    kGaussian,      ///< sigma
    kProportional,  ///< sigma g
    kSqrt,          ///< sigma sqrt(g)
    kTable,         ///< linear between points
    kSaturating,    ///< A (1 - exp(-g/B))
    kFlicker,       ///< 1/f noise that grows with time
    kLogarithmic    ///< the logarithm of G; grows with time
  };
  /// Draws of one cell over the cycles of a product.
  enum class Correlation {
    kCycle,   ///< one for every cycle
    kProduct  ///< one for all cycles
  };
  Kind kind = Kind::kGaussian;                    ///< which
  Correlation correlation = Correlation::kCycle;  ///< of one cell
  std::vector<double> params;                     ///< as `kind` needs them
};

/// Cells stuck at their largest (p_on) or smallest (p_off) conductance; on wins. Each cell on its own, or all cells of a word
/// line (kRow) or bit line (kColumn) of one array together.
struct StuckAt {
  /// What is stuck together.
  enum class Cluster {
    kCell,   ///< every cell on its own
    kRow,    ///< a word line of one array
    kColumn  ///< a bit line of one array
  };
  double p_on = 0.0;                 ///< probability, from 0 to 1
  double p_off = 0.0;                ///< probability, from 0 to 1
  Cluster cluster = Cluster::kCell;  ///< what is stuck together
};

/// What time does to programmed cells; t in seconds, z the cell's own normal draw. `params` by kind, conductances relative to
/// g_max:
///   kPower: {t0, m0, m1, m_low, m_high, s0, s1, s_low, s_high}: g ((t + t0)/t0)^-|m + s z|, m = clip(m0 + m1 ln x), s
///     likewise, x the target conductance;
///   kShift: {a, b, c} in uS: g + a ln t + max(0, b ln t + c) z, clipped to [g_min, 1];
///   kTable: {number of times, number of points, times, points, means [time][point], deviations [time][point]};
///   kSpreadPolynomials, kSpreadSaturating: a programming law whose deviation at later times replaces the one at the first:
///     {g_ref[uS], number of times, {t, 5 coefficients} for each} of kPolynomialX at these times only, or {t, A, B} of
///     kSaturating for each time, linear between them.
struct DriftLaw {
  /// What changes with time.
  enum class Kind {
    kPower,              ///< g, as a power of time
    kShift,              ///< g, with the logarithm of time
    kTable,              ///< g, as measured at some times
    kSpreadPolynomials,  ///< the deviation of a programming law, at some times
    kSpreadSaturating    ///< the deviation of a programming law, between some times
  };
  Kind kind = Kind::kPower;    ///< which
  std::vector<double> params;  ///< as `kind` needs them
};

/// Whether outputs are scaled back to the mean read-out of the calibration data at t = 0, all together or each on its own.
enum class DriftCompensation {
  kNone,   ///< not at all
  kLayer,  ///< all outputs together
  kColumn  ///< every output on its own
};

/// Current-voltage curve of cells, I(V) = G V + a2(G) V^2 + a3(G) V^3 in siemens, volt and ampere. `params` by kind:
///   kLogPolynomials: {lowest G, highest G, n, n coefficients of a2, those of a3}, polynomials in log10(G), lowest power
///   first; kTable: {G of each point, a2 of each, a3 of each}, linear between points.
/// Beyond the conductances given, a2/G and a3/G stay what they are at the nearest.
struct IvCurve {
  /// How a2 and a3 depend on G.
  enum class Kind {
    kNone,            ///< a2 = a3 = 0: a linear cell
    kLogPolynomials,  ///< polynomials of the logarithm of G
    kTable            ///< linear between points
  };
  Kind kind = Kind::kNone;     ///< which
  std::vector<double> params;  ///< as `kind` needs them
};

/// One memory cell. Laws of each kind are applied in their order.
struct Cell {
  std::optional<int> bits;      ///< programmable levels 2^bits; empty: continuous conductances
  std::optional<double> g_max;  ///< siemens; empty: not given
  double on_off_ratio = std::numeric_limits<double>::infinity();  ///< g_max over the smallest conductance
  std::vector<ProgrammingLaw> programming;                        ///< error when a cell is written
  std::vector<StuckAt> faults;                                    ///< stuck cells and lines
  std::vector<DriftLaw> drift;                                    ///< what `Layer::at` does to the cells
  std::vector<ReadNoise> read_noise;                              ///< fresh at every read
  double g_min_sigma = 0.0;                                       ///< of the smallest conductance, from cell to cell
  double g_max_sigma = 0.0;                                       ///< of the largest conductance, from cell to cell
  IvCurve curve;                                                  ///< needs g_max and v_read
  std::optional<double> v_read;                                   ///< volt across a cell at full-scale input
};

/// Size of one array in word lines (rows) and bit lines (cols), and how it is wired.
struct Array {
  std::optional<int> rows;                   ///< empty: as many as the layer needs
  std::optional<int> cols;                   ///< empty: as many as the layer needs
  Partition partition = Partition::kEqual;   ///< how a layer is cut
  std::optional<double> column_current_max;  ///< of a bit line, to both sides, in unit currents; empty: unlimited
  Wires wires;                               ///< need the cell's g_max
  /// All slices and polarities of a weight are neighbours in one array; else each slice and polarity is an array of its own.
  bool is_interleaved = false;
  bool is_gated = false;  ///< word lines that are not driven disconnect their cells

  /// Some resistance is not 0.
  bool has_wires() const { return wires.r_row > 0.0 || wires.r_col > 0.0 || wires.r_driver > 0.0 || wires.r_sense > 0.0; }
};

/// Input converter.
struct Dac {
  std::optional<int> bits;        ///< of an input, its sign included unless there are two passes; empty: continuous
  std::optional<int> slice_bits;  ///< bits that are driven at a time; empty: all
  std::optional<bool> is_signed;  ///< whether inputs may be negative; empty: decided by calibration
  bool two_pass = false;          ///< positive inputs first, then negative ones
  Accumulate accumulate = Accumulate::kDigital;  ///< of cycles
  std::optional<double> range;                   ///< full scale X, in units of the input; empty: decided by calibration
  RangeMethod method;                            ///< of calibration
  /// Points (v, f(v)) from (0, 0) to v = 1, linear in between: a digit meant to drive v drives f(v). Empty: f(v) = v.
  std::vector<std::pair<double, double>> nonlinearity;
};

/// Integral nonlinearity of output converters: the error at each code, in lsb. `params` by kind: kTable: n codes, then the n
/// errors at them, the same for every converter; drawn for each converter: kRamp and kSar {sigma}, kPipeline {bits of a
/// stage, sigma}; see circuit/adc_errors.hpp.
struct Inl {
  /// Where the errors come from.
  enum class Kind {
    kNone,     ///< no error
    kTable,    ///< measured, the same for all converters
    kRamp,     ///< steps of a ramp
    kSar,      ///< capacitors of a successive approximation
    kPipeline  ///< stages of a pipeline
  };
  Kind kind = Kind::kNone;     ///< which
  std::vector<double> params;  ///< as `kind` needs them
};

/// Output converter. Deviations are from converter to converter; there is one for each bit line of each array.
struct Adc {
  /// Where ranges come from.
  enum class RangeKind {
    kFull,        ///< the largest current that an array can give
    kCalibrated,  ///< found by `Layer::calibrate`
    kLossless,    ///< one code for each level of the current
    kExplicit     ///< `ranges`
  };
  std::optional<int> bits;                        ///< empty: ideal
  RangeKind range = RangeKind::kFull;             ///< where ranges come from
  std::vector<std::pair<double, double>> ranges;  ///< of kExplicit: low, high in unit currents; one pair, or one per slice
  RangeMethod method{RangeMethod::Kind::kMse, 100.0};  ///< of kCalibrated
  bool tie_slices = false;                             ///< calibrated ranges are one range times powers of two
  double gain_sigma = 0.0;                             ///< relative
  double offset_sigma = 0.0;                           ///< in lsb
  Inl inl;                                             ///< integral nonlinearity
  double noise = 0.0;                                  ///< of every conversion, in lsb
};

/// One machine: how weights become cells, and the parts that compute with them.
struct Hardware {
  std::optional<int> weight_bits;         ///< of a weight, sign included; empty: not quantised
  Scheme scheme = Scheme::kDifferential;  ///< how a signed weight is mapped
  bool two_sided = false;                 ///< both cells of a continuous pair are used, around the middle of their range
  Subtract subtract = Subtract::kAnalog;  ///< of differential pairs
  OffsetRemoval offset_removal = OffsetRemoval::kDigital;           ///< of the offset scheme
  WeightRange weight_range;                                         ///< weight that maps to the largest conductance
  RangePer per = RangePer::kLayer;                                  ///< what a weight range is for
  Grouping groups = Grouping::kSeparate;                            ///< of grouped convolutions
  DriftCompensation drift_compensation = DriftCompensation::kNone;  ///< of the outputs
  Cell cell;                                                        ///< memory cells
  Array array;                                                      ///< crossbars
  Dac dac;                                                          ///< input converters
  Adc adc;                                                          ///< output converters
};

/// Wires, and currents that are not linear in the inputs: gated word lines or curved cells. Every drive is solved.
bool solves_circuits(const Hardware& hardware);

/// Throws std::invalid_argument naming the field, its value and what is allowed.
void validate(const Hardware& hardware);

/// Cells per weight and polarity: the number of weight slices.
int num_slices(const Hardware& hardware);

}  // namespace imperfect
