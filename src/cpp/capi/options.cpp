// SPDX-License-Identifier: BSD-3-Clause
//
// From the plain options of C to the structs of C++.
#include "capi/options.hpp"

#include <cmath>
#include <cstddef>
#include <cstring>
#include <limits>
#include <optional>
#include <utility>
#include <vector>

#include "base/check.hpp"

namespace imperfect {
namespace {

/// Where the options of the first version end: callers may have any that are neither older nor newer than the library.
constexpr size_t kFirstOptionsSize = offsetof(imperfect_options, output_padding_depth) + sizeof(int32_t);

void check_not_negative(const char* name, ArrayView<const double> values) {
  for (const double value : values)
    check(value >= 0.0 && std::isfinite(value), name, "=", value, ": must be finite and not negative");
}

std::optional<int> optional(int32_t value) { return value == 0 ? std::nullopt : std::optional<int>(value); }

std::vector<ProgrammingLaw> to_programming(const imperfect_options& o) {
  using Kind = ProgrammingLaw::Kind;
  switch (o.programming) {
    case IMPERFECT_LAW_NONE: return {};
    case IMPERFECT_LAW_GAUSSIAN: return {{Kind::kGaussian, {o.programming_sigma}}};
    case IMPERFECT_LAW_PROPORTIONAL: return {{Kind::kProportional, {o.programming_sigma}}};
    case IMPERFECT_LAW_LOGNORMAL: return {{Kind::kLogNormal, {o.programming_sigma}}};
    case IMPERFECT_LAW_UNIFORM: return {{Kind::kUniform, {o.programming_sigma}}};
    case IMPERFECT_LAW_WEIGHT_GAUSSIAN: return {{Kind::kWeightGaussian, {o.programming_sigma}}};
    case IMPERFECT_LAW_TABLE: break;
  }
  check(o.programming == IMPERFECT_LAW_TABLE, "programming=", o.programming, ": not a law");
  check_pointer("table_g", o.table_g);
  check_pointer("table_sigma", o.table_sigma);
  std::vector<double> params(o.table_g, o.table_g + o.table_size);
  params.insert(params.end(), o.table_sigma, o.table_sigma + o.table_size);
  return {{Kind::kTable, std::move(params)}};
}

std::vector<ReadNoise> to_read_noise(const imperfect_options& o) {
  if (o.read_noise == IMPERFECT_LAW_NONE) return {};
  check(o.read_noise == IMPERFECT_LAW_GAUSSIAN || o.read_noise == IMPERFECT_LAW_PROPORTIONAL, "read_noise=", o.read_noise,
        ": must be none, Gaussian or proportional");
  const bool additive = o.read_noise == IMPERFECT_LAW_GAUSSIAN;
  return {{additive ? ReadNoise::Kind::kGaussian : ReadNoise::Kind::kProportional,
           o.read_noise_shared != 0 ? ReadNoise::Correlation::kProduct : ReadNoise::Correlation::kCycle,
           {o.read_noise_sigma}}};
}

std::vector<DriftLaw> to_drift(const imperfect_options& o) {
  using Kind = DriftLaw::Kind;
  switch (o.drift) {
    case IMPERFECT_DRIFT_NONE: return {};
    case IMPERFECT_DRIFT_POWER: {
      const double nu = o.drift_nu, sigma = o.drift_nu_sigma;
      check_not_negative("drift_nu", {&nu, 1});
      check_not_negative("drift_nu_sigma", {&sigma, 1});
      return {{Kind::kPower, {o.drift_t0, nu, 0.0, nu, nu, sigma, 0.0, sigma, sigma}}};
    }
    case IMPERFECT_DRIFT_PCM: return {{Kind::kPower, {20.0, 0.0244, -0.0155, 0.049, 0.1, -0.0059, -0.0125, 0.008, 0.045}}};
    case IMPERFECT_DRIFT_TABLE: break;
  }
  check(o.drift == IMPERFECT_DRIFT_TABLE, "drift=", o.drift, ": not a law of drift");
  check_pointer("drift_seconds", o.drift_seconds);
  check_pointer("drift_g", o.drift_g);
  check_pointer("drift_mean", o.drift_mean);
  check_pointer("drift_sigma", o.drift_sigma);
  check(o.drift_times >= 1 && o.drift_points >= 2, "drift_times=", o.drift_times, ", drift_points=", o.drift_points,
        ": a table needs at least one time and two points");
  const std::size_t size = o.drift_times * o.drift_points;
  check_not_negative("drift_mean", {o.drift_mean, size});
  check_not_negative("drift_sigma", {o.drift_sigma, size});
  std::vector<double> params = {static_cast<double>(o.drift_times), static_cast<double>(o.drift_points)};
  params.insert(params.end(), o.drift_seconds, o.drift_seconds + o.drift_times);
  params.insert(params.end(), o.drift_g, o.drift_g + o.drift_points);
  for (const double* const table : {o.drift_mean, o.drift_sigma}) params.insert(params.end(), table, table + size);
  return {{Kind::kTable, std::move(params)}};
}

DriftCompensation to_compensation(const imperfect_options& o) {
  switch (o.drift_compensation) {
    case IMPERFECT_COMPENSATION_NONE: return DriftCompensation::kNone;
    case IMPERFECT_COMPENSATION_LAYER: return DriftCompensation::kLayer;
    case IMPERFECT_COMPENSATION_COLUMN: return DriftCompensation::kColumn;
  }
  fail("drift_compensation=", o.drift_compensation, ": not a way to compensate drift");
}

void set_weights(const imperfect_options& o, Hardware& hardware) {
  hardware.weight_bits = optional(o.weight_bits);
  check(o.scheme == IMPERFECT_DIFFERENTIAL || o.scheme == IMPERFECT_OFFSET, "scheme=", o.scheme, ": not a scheme");
  hardware.scheme = o.scheme == IMPERFECT_OFFSET ? Scheme::kOffset : Scheme::kDifferential;
  hardware.two_sided = o.two_sided != 0;
  hardware.subtract = o.subtract_digital != 0 ? Subtract::kDigital : Subtract::kAnalog;
  hardware.offset_removal = o.unit_column != 0 ? OffsetRemoval::kUnitColumn : OffsetRemoval::kDigital;
  hardware.per = o.per_channel != 0 ? RangePer::kChannel : RangePer::kLayer;
  hardware.groups = o.block_diagonal != 0 ? Grouping::kBlockDiagonal : Grouping::kSeparate;
  check(o.weight_range == 0.0 || o.weight_percentile == 0.0, "weight_range=", o.weight_range,
        " and weight_percentile=", o.weight_percentile, ": at most one may be given");
  if (o.weight_range != 0.0) hardware.weight_range = {WeightRange::Kind::kValue, o.weight_range};
  if (o.weight_percentile != 0.0) hardware.weight_range = {WeightRange::Kind::kPercentile, o.weight_percentile};
}

void set_cells(const imperfect_options& o, Hardware& hardware) {
  hardware.cell.bits = optional(o.cell_bits);
  hardware.cell.on_off_ratio = o.on_off_ratio;
  hardware.cell.g_min_sigma = o.g_min_sigma;
  hardware.cell.g_max_sigma = o.g_max_sigma;
  hardware.cell.programming = to_programming(o);
  hardware.cell.read_noise = to_read_noise(o);
  hardware.cell.drift = to_drift(o);
  hardware.drift_compensation = to_compensation(o);
  if (o.p_stuck_on != 0.0 || o.p_stuck_off != 0.0) hardware.cell.faults = {{o.p_stuck_on, o.p_stuck_off}};
  hardware.array.rows = optional(o.array_rows);
  hardware.array.cols = optional(o.array_cols);
  check(o.partition == IMPERFECT_PARTITION_EQUAL || o.partition == IMPERFECT_PARTITION_FILL, "partition=", o.partition,
        ": not a partition");
  hardware.array.partition = o.partition == IMPERFECT_PARTITION_FILL ? Partition::kFill : Partition::kEqual;
  if (o.column_current_max != 0.0) hardware.array.column_current_max = o.column_current_max;
}

void set_converter_errors(const imperfect_options& o, Hardware& hardware) {
  hardware.adc.gain_sigma = o.adc_gain_sigma;
  hardware.adc.offset_sigma = o.adc_offset_sigma;
  hardware.adc.noise = o.adc_noise;
  if (o.adc_inl_size > 0) {
    check_pointer("adc_inl_code", o.adc_inl_code);
    check_pointer("adc_inl_error", o.adc_inl_error);
    std::vector<double> params(o.adc_inl_code, o.adc_inl_code + o.adc_inl_size);
    params.insert(params.end(), o.adc_inl_error, o.adc_inl_error + o.adc_inl_size);
    hardware.adc.inl = {Inl::Kind::kTable, std::move(params)};
  }
  if (o.dac_curve_size == 0) return;
  check_pointer("dac_curve_v", o.dac_curve_v);
  check_pointer("dac_curve_f", o.dac_curve_f);
  for (size_t i = 0; i < o.dac_curve_size; ++i) hardware.dac.nonlinearity.emplace_back(o.dac_curve_v[i], o.dac_curve_f[i]);
}

void set_converters(const imperfect_options& o, Hardware& hardware) {
  hardware.dac.bits = optional(o.dac_bits);
  hardware.dac.slice_bits = optional(o.dac_slice_bits);
  if (o.dac_signed >= 0) hardware.dac.is_signed = o.dac_signed != 0;
  hardware.dac.two_pass = o.dac_two_pass != 0;
  hardware.dac.accumulate = o.dac_accumulate_analog != 0 ? Accumulate::kAnalog : Accumulate::kDigital;
  if (o.dac_range != 0.0) hardware.dac.range = o.dac_range;
  hardware.adc.bits = optional(o.adc_bits);
  hardware.adc.tie_slices = o.adc_tie_slices != 0;
  if (o.adc_percentile != 0.0) hardware.adc.method = {RangeMethod::Kind::kPercentile, o.adc_percentile};
  switch (o.adc_range) {
    case IMPERFECT_ADC_FULL: return;
    case IMPERFECT_ADC_CALIBRATED: hardware.adc.range = Adc::RangeKind::kCalibrated; return;
    case IMPERFECT_ADC_LOSSLESS: hardware.adc.range = Adc::RangeKind::kLossless; return;
    case IMPERFECT_ADC_EXPLICIT:
      hardware.adc.range = Adc::RangeKind::kExplicit;
      hardware.adc.ranges = {{o.adc_low, o.adc_high}};
      return;
  }
  fail("adc_range=", o.adc_range, ": not a kind of range");
}

Corner to_corner(const imperfect_options& o) {
  switch (o.corner) {
    case IMPERFECT_CORNER_LEFT_BOTTOM: return Corner::kLeftBottom;
    case IMPERFECT_CORNER_LEFT_TOP: return Corner::kLeftTop;
    case IMPERFECT_CORNER_RIGHT_BOTTOM: return Corner::kRightBottom;
    case IMPERFECT_CORNER_RIGHT_TOP: return Corner::kRightTop;
  }
  fail("corner=", o.corner, ": not a corner");
}

void set_circuit(const imperfect_options& o, Hardware& hardware) {
  if (o.g_max != 0.0) hardware.cell.g_max = o.g_max;
  if (o.v_read != 0.0) hardware.cell.v_read = o.v_read;
  hardware.array.wires = {o.r_row, o.r_col, o.r_driver, o.r_sense, to_corner(o)};
  hardware.array.is_interleaved = o.interleaved != 0;
  hardware.array.is_gated = o.gated != 0;
  if (o.curve_size == 0) return;
  std::vector<double> params;
  for (const auto& [name, values] :
       {std::pair{"curve_g", o.curve_g}, std::pair{"curve_a2", o.curve_a2}, std::pair{"curve_a3", o.curve_a3}}) {
    check_pointer(name, values);
    params.insert(params.end(), values, values + o.curve_size);
  }
  hardware.cell.curve = {IvCurve::Kind::kTable, std::move(params)};
}

}  // namespace

imperfect_options default_options() {
  imperfect_options options;
  std::memset(&options, 0, sizeof options);
  options.struct_size = sizeof options;
  options.in_channels = options.out_channels = options.groups = 1;
  for (int axis = 0; axis < 2; ++axis) options.kernel[axis] = options.stride[axis] = options.dilation[axis] = 1;
  options.kernel_depth = options.stride_depth = options.dilation_depth = 1;
  options.on_off_ratio = std::numeric_limits<double>::infinity();
  options.dac_signed = -1;
  options.drift_t0 = 20.0;
  return options;
}

imperfect_options read_options(const imperfect_options& given) {
  imperfect_options options = default_options();
  check(given.struct_size >= kFirstOptionsSize && given.struct_size <= sizeof options,
        "options.struct_size=", given.struct_size, ": must be from ", kFirstOptionsSize, " to ", sizeof options,
        "; call imperfect_default_options first, from a header that is not newer than the library");
  std::memcpy(&options, &given, given.struct_size);
  return options;
}

LayerShape to_shape(const imperfect_options& o) {
  LayerShape shape;
  shape.in_channels = o.in_channels;
  shape.out_channels = o.out_channels;
  shape.groups = o.groups;
  const auto set = [](int (&to)[3], int32_t depth, const int32_t (&pair)[2]) {
    to[0] = depth;
    to[1] = pair[0];
    to[2] = pair[1];
  };
  set(shape.kernel, o.kernel_depth, o.kernel);
  set(shape.stride, o.stride_depth, o.stride);
  set(shape.dilation, o.dilation_depth, o.dilation);
  set(shape.pad_begin, o.pad_begin_depth, o.pad_begin);
  set(shape.pad_end, o.pad_end_depth, o.pad_end);
  set(shape.output_padding, o.output_padding_depth, o.output_padding);
  shape.is_transposed = o.transposed != 0;
  return shape;
}

Hardware to_hardware(const imperfect_options& o) {
  Hardware hardware;
  set_weights(o, hardware);
  set_cells(o, hardware);
  set_converters(o, hardware);
  set_converter_errors(o, hardware);
  set_circuit(o, hardware);
  return hardware;
}

}  // namespace imperfect
