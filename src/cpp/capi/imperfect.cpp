// SPDX-License-Identifier: BSD-3-Clause
//
// The C interface over the C++ layer: plain options to structs, exceptions to status codes and a text per thread.
#include "imperfect/imperfect.h"

#include <algorithm>
#include <cmath>
#include <cstring>
#include <limits>
#include <new>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "imperfect/layer.hpp"
#include "imperfect/version.hpp"
#include "kernels/kernel_table.hpp"

struct imperfect_layer {
  imperfect::Layer layer;
  int threads;
};

namespace {

using namespace imperfect;

std::string& error_text() {
  thread_local std::string text;
  return text;
}

/// Runs `body`; whatever it throws becomes a status and the thread's error text.
template <class Body>
imperfect_status guarded(const Body& body) noexcept {
  try {
    error_text().clear();
    body();
    return IMPERFECT_OK;
  } catch (const std::invalid_argument& error) {
    error_text() = error.what();
    return IMPERFECT_INVALID;
  } catch (const std::bad_alloc&) {
    return IMPERFECT_NO_MEMORY;
  } catch (const std::exception& error) {
    error_text() = error.what();
    return IMPERFECT_INTERNAL;
  }
}

template <class T>
void check_pointer(const char* name, const T* pointer) {
  check(pointer != nullptr, name, "=NULL: must point to something");
}

void check_not_negative(const char* name, ArrayView<const double> values) {
  for (const double value : values)
    check(value >= 0.0 && std::isfinite(value), name, "=", value, ": must be finite and not negative");
}

std::optional<int> optional(int32_t value) { return value == 0 ? std::nullopt : std::optional<int>(value); }

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

Hardware to_hardware(const imperfect_options& o) {
  Hardware hardware;
  set_weights(o, hardware);
  set_cells(o, hardware);
  set_converters(o, hardware);
  set_converter_errors(o, hardware);
  set_circuit(o, hardware);
  return hardware;
}

BatchShape to_batch(const imperfect_layer& handle, size_t images, int32_t depth, int32_t height, int32_t width) {
  return {images, handle.layer.shape().in_channels, height, width, depth};
}

}  // namespace

void imperfect_default_options(imperfect_options* options) {
  if (options == nullptr) return;
  std::memset(options, 0, sizeof *options);
  options->struct_size = sizeof *options;
  options->in_channels = options->out_channels = options->groups = 1;
  for (int axis = 0; axis < 2; ++axis) options->kernel[axis] = options->stride[axis] = options->dilation[axis] = 1;
  options->kernel_depth = options->stride_depth = options->dilation_depth = 1;
  options->on_off_ratio = std::numeric_limits<double>::infinity();
  options->dac_signed = -1;
  options->drift_t0 = 20.0;
}

imperfect_status imperfect_layer_create(const imperfect_options* options, const float* weight, size_t weight_size,
                                        const float* bias, imperfect_layer** layer) {
  return guarded([&] {
    check_pointer("options", options);
    check_pointer("layer", layer);
    *layer = nullptr;
    check_pointer("weight", weight);
    check(options->struct_size == sizeof *options, "options.struct_size=", options->struct_size,
          ": call imperfect_default_options first, from the header of this version (", sizeof *options, ")");
    check(options->num_threads >= 0, "num_threads=", options->num_threads, ": must not be negative");
    const auto outputs = static_cast<size_t>(std::max<int32_t>(options->out_channels, 0));
    const ArrayView<const float> biases = bias == nullptr ? ArrayView<const float>{} : ArrayView<const float>{bias, outputs};
    Layer made(to_shape(*options), {weight, weight_size}, biases, to_hardware(*options), options->seed, options->layer_id,
               options->fixed16 != 0 ? Precision::kFixed16 : Precision::kFloat32);
    *layer = new imperfect_layer{std::move(made), options->num_threads};
  });
}

imperfect_status imperfect_layer_program(imperfect_layer* layer, uint64_t seed, uint32_t write) {
  return guarded([&] {
    check_pointer("layer", layer);
    layer->layer.program(seed, write);
  });
}

imperfect_status imperfect_layer_calibrate(imperfect_layer* layer, const float* x, size_t images, int32_t height,
                                           int32_t width) {
  return imperfect_layer_calibrate_volumes(layer, x, images, 1, height, width);
}

imperfect_status imperfect_layer_calibrate_volumes(imperfect_layer* layer, const float* x, size_t images, int32_t depth,
                                                   int32_t height, int32_t width) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("x", x);
    const BatchShape shape = to_batch(*layer, images, depth, height, width);
    layer->layer.shape().output_shape(shape);
    layer->layer.calibrate({x, shape.size()}, shape);
  });
}

imperfect_status imperfect_layer_output_size(const imperfect_layer* layer, int32_t height, int32_t width,
                                             int32_t* output_height, int32_t* output_width) {
  int32_t output_depth = 0;
  return imperfect_layer_volume_output_size(layer, 1, height, width, &output_depth, output_height, output_width);
}

imperfect_status imperfect_layer_volume_output_size(const imperfect_layer* layer, int32_t depth, int32_t height,
                                                    int32_t width, int32_t* output_depth, int32_t* output_height,
                                                    int32_t* output_width) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("output_depth", output_depth);
    check_pointer("output_height", output_height);
    check_pointer("output_width", output_width);
    const BatchShape shape = layer->layer.shape().output_shape(to_batch(*layer, 1, depth, height, width));
    *output_depth = shape.depth;
    *output_height = shape.height;
    *output_width = shape.width;
  });
}

imperfect_status imperfect_layer_forward(const imperfect_layer* layer, const float* x, size_t images, int32_t height,
                                         int32_t width, float* y, size_t y_size) {
  return imperfect_layer_read(layer, 0, 0, x, images, height, width, y, y_size);
}

imperfect_status imperfect_layer_read(const imperfect_layer* layer, uint64_t first_sample, uint64_t read, const float* x,
                                      size_t images, int32_t height, int32_t width, float* y, size_t y_size) {
  return imperfect_layer_read_volumes(layer, first_sample, read, x, images, 1, height, width, y, y_size);
}

imperfect_status imperfect_layer_read_volumes(const imperfect_layer* layer, uint64_t first_sample, uint64_t read,
                                              const float* x, size_t images, int32_t depth, int32_t height, int32_t width,
                                              float* y, size_t y_size) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("x", x);
    check_pointer("y", y);
    const BatchShape shape = to_batch(*layer, images, depth, height, width);
    layer->layer.shape().output_shape(shape);
    layer->layer.forward({x, shape.size()}, shape, {y, y_size}, layer->threads, {first_sample, read, {}});
  });
}

imperfect_status imperfect_layer_at(const imperfect_layer* layer, double seconds, imperfect_layer** later) {
  return guarded([&] {
    check_pointer("later", later);
    *later = nullptr;
    check_pointer("layer", layer);
    *later = new imperfect_layer{layer->layer.at(seconds), layer->threads};
  });
}

imperfect_status imperfect_layer_effective_weight(const imperfect_layer* layer, float* weight, size_t weight_size) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("weight", weight);
    const std::vector<float> values = layer->layer.effective_weight();
    check(weight_size == values.size(), "weight_size=", weight_size, ": must be ", values.size());
    std::memcpy(weight, values.data(), values.size() * sizeof(float));
  });
}

void imperfect_layer_free(imperfect_layer* layer) { delete layer; }

const char* imperfect_last_error(void) { return error_text().c_str(); }

const char* imperfect_version(void) { return IMPERFECT_VERSION; }

const char* imperfect_simd_level(void) {
  const char* name = "";
  guarded([&] { name = kernels().name; });
  return name;
}
