// SPDX-License-Identifier: BSD-3-Clause
//
// The public layer: a definition that never changes, and a state (cells, calibration, packed form) that is replaced as a
// whole, so that a forward pass in another thread keeps the one it started with.
#include "imperfect/layer.hpp"

#include <algorithm>
#include <atomic>
#include <cmath>
#include <mutex>

#include "base/check.hpp"
#include "base/parallel.hpp"
#include "layer/calibrate.hpp"
#include "layer/cell_reader.hpp"
#include "layer/converter_use.hpp"
#include "layer/fold.hpp"
#include "layer/forward.hpp"
#include "layer/program.hpp"
#include "layer/read_activity.hpp"
#include "layer/readout.hpp"
#include "layer/tables.hpp"

namespace imperfect {
namespace {

struct State {
  std::uint64_t seed = 0;
  std::uint32_t write = 0;
  std::shared_ptr<const CellSource> cells;
  ReadCells read;  ///< of these cells, once they are needed
  std::optional<Calibration> calibration;
  std::shared_ptr<const ReadoutInputs> inputs;         ///< of drift compensation
  std::shared_ptr<const std::vector<double>> readout;  ///< B, where it is known already
  std::vector<double> gains;                           ///< B/B(t); empty: 1
  std::shared_ptr<const PackedLayer> packed;           ///< empty until everything is calibrated
  OutputScale scale;
  FoldEnd end;  ///< of a transposed convolution
};

bool compensates(const Hardware& hardware) { return hardware.drift_compensation != DriftCompensation::kNone; }

bool is_open(const Hardware& hardware) {
  return leaves_input_open(hardware) || leaves_output_open(hardware) || compensates(hardware);
}

bool are_finite(const float* values, std::size_t count, int threads) {
  constexpr std::size_t kPiece = 65536;  // what is worth a thread of its own
  const std::size_t pieces = (count + kPiece - 1) / kPiece;
  std::atomic<bool> result{true};
  threads = static_cast<int>(std::min<std::size_t>(static_cast<std::size_t>(threads), pieces));
  parallel_for(static_cast<std::ptrdiff_t>(pieces), threads, [&](std::ptrdiff_t i, int) {
    const std::size_t first = static_cast<std::size_t>(i) * kPiece;
    if (!kernels().all_finite(values + first, std::min(kPiece, count - first))) result = false;
  });
  return result;
}

void check_input(ArrayView<const float> x, const BatchShape& shape, int threads = 1) {
  check(x.size == shape.size(), "x has ", x.size, " values; its shape needs ", shape.size());
  if (!are_finite(x.data, x.size, threads)) check_finite("x", x);
}

// Why: float32 takes the sums and squares of what lies within these ranges.
void check_calibration(const Calibration& calibration) {
  constexpr double kSmallest = 1e-30, kLargest = 1e30;
  check(calibration.full_scale >= kSmallest && calibration.full_scale <= kLargest, "full_scale=", calibration.full_scale,
        ": must be from ", kSmallest, " to ", kLargest);
  for (const auto& [low, high] : calibration.ranges)
    check(high - low >= kSmallest && std::abs(low) <= kLargest && std::abs(high) <= kLargest, "range=(", low, ", ", high,
          "): low must be below high, both of magnitude up to ", kLargest);
}

}  // namespace

class Layer::Impl {
 public:
  std::shared_ptr<const LayerDefinition> definition;
  Epilogue epilogue;

  std::shared_ptr<const State> state() const {
    const std::lock_guard<std::mutex> lock(mutex_);
    return state_;
  }
  /// Packs new cells or a new calibration and makes them the state.
  void replace(State next) {
    next.packed.reset();
    next.gains.clear();
    const bool has_inputs = next.inputs || !compensates(definition->hardware);
    if ((!is_open(definition->hardware) || next.calibration) && has_inputs) {
      const Calibration found = next.calibration.value_or(Calibration{});
      see_cells(next);
      next.packed = pack_layer(*definition, next.read, found, next.seed);
      if (next.inputs && next.cells->seconds() > 0.0) {
        if (!next.readout)
          next.readout = read_out_of(*pack_layer(*definition, read_cells(definition, next.cells->at(0.0)), found, next.seed),
                                     *next.inputs);
        next.gains = compensation(*next.readout, *read_out_of(*next.packed, *next.inputs));
      }
    }
    rescale(std::move(next));
  }
  /// Solves the arrays' wires, unless that is done.
  void see_cells(State& next) const {
    if (next.read.cells != next.cells) next.read = read_cells(definition, next.cells);
  }
  std::shared_ptr<const std::vector<double>> read_out_of(const PackedLayer& packed, const ReadoutInputs& inputs) const {
    return std::make_shared<const std::vector<double>>(read_out(*definition, packed, inputs));
  }
  /// Makes `next`, whose packed form is right, the state with this layer's epilogue.
  void rescale(State next) {
    if (next.packed) next.scale = make_output_scale(*definition, next.packed->input, next.gains, epilogue);
    if (definition->shape.is_transposed) next.end = make_fold_end(*definition, epilogue);
    auto shared = std::make_shared<const State>(std::move(next));
    const std::lock_guard<std::mutex> lock(mutex_);
    state_ = std::move(shared);
  }
  std::shared_ptr<const PackedLayer> packed(const State& current) const {
    check(current.packed != nullptr, "hardware leaves converter ranges or signs to calibration: call calibrate(x) first");
    return current.packed;
  }
  std::unique_ptr<Impl> copy() const {
    auto other = std::make_unique<Impl>();
    other->definition = definition;
    other->epilogue = epilogue;
    other->state_ = state();
    return other;
  }

 private:
  mutable std::mutex mutex_;
  std::shared_ptr<const State> state_;
};

Layer::Layer(const LayerShape& shape, ArrayView<const float> weight, ArrayView<const float> bias, const Hardware& hardware,
             std::uint64_t seed, std::uint64_t layer_id, Precision precision)
    : impl_(std::make_unique<Impl>()) {
  impl_->definition = make_definition(shape, weight, bias, hardware, layer_id, precision);
  State first;
  first.seed = seed;
  first.cells = std::make_shared<const CellSource>(impl_->definition, seed, 0);
  impl_->replace(std::move(first));
}

Layer::Layer(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}
Layer::~Layer() = default;
Layer::Layer(const Layer& other) : impl_(other.impl_->copy()) {}
Layer& Layer::operator=(const Layer& other) {
  if (this != &other) impl_ = other.impl_->copy();
  return *this;
}
Layer::Layer(Layer&&) noexcept = default;
Layer& Layer::operator=(Layer&&) noexcept = default;

void Layer::program(std::uint64_t seed, std::uint32_t write) {
  State next = *impl_->state();
  next.seed = seed;
  next.write = write;
  next.cells = std::make_shared<const CellSource>(impl_->definition, seed, write);
  next.readout.reset();
  impl_->replace(std::move(next));
}

Layer Layer::at(double seconds) const {
  auto impl = impl_->copy();
  State next = *impl->state();
  // Why: the packed form at hand saves packing the written cells once more.
  if (next.inputs && next.packed && !next.readout && next.cells->seconds() == 0.0)
    next.readout = impl->read_out_of(*next.packed, *next.inputs);
  next.cells = next.cells->at(seconds);
  impl->replace(std::move(next));
  return Layer(std::move(impl));
}

double Layer::seconds() const { return impl_->state()->cells->seconds(); }

void Layer::set_readout_inputs(ArrayView<const float> x, const BatchShape& shape) {
  check_input(x, shape);
  impl_->definition->shape.output_shape(shape);
  check(shape.images > 0, "readout_inputs is an empty batch");
  State next = *impl_->state();
  next.inputs = std::make_shared<const ReadoutInputs>(keep_inputs(x.data, shape));
  next.readout.reset();
  impl_->replace(std::move(next));
}

std::pair<BatchShape, std::vector<float>> Layer::readout_inputs() const {
  const auto state = impl_->state();
  if (!state->inputs) return {BatchShape{}, {}};
  return {state->inputs->shape, state->inputs->x};
}

void Layer::calibrate(ArrayView<const float> x, const BatchShape& shape) {
  check_input(x, shape);
  impl_->definition->shape.output_shape(shape);
  check(shape.images > 0, "x is an empty batch: calibration needs at least one sample");
  if (!uses_calibration()) return;
  State next = *impl_->state();
  impl_->see_cells(next);
  next.calibration = find_calibration(*impl_->definition, next.read, x.data, shape);
  check_calibration(*next.calibration);
  next.readout.reset();
  if (compensates(impl_->definition->hardware))
    next.inputs = std::make_shared<const ReadoutInputs>(keep_inputs(x.data, shape));
  impl_->replace(std::move(next));
}

void Layer::set_calibration(const Calibration& calibration) {
  const LayerDefinition& definition = *impl_->definition;
  check_calibration(calibration);
  const auto planes = static_cast<std::size_t>(converted_planes(definition.hardware, definition.code));
  check(!leaves_output_open(definition.hardware) || calibration.ranges.size() == planes, "ranges has ",
        calibration.ranges.size(), " pairs; the layer converts ", planes, " planes");
  State next = *impl_->state();
  next.calibration = calibration;
  next.readout.reset();
  impl_->replace(std::move(next));
}

bool Layer::uses_calibration() const { return is_open(impl_->definition->hardware); }
bool Layer::needs_calibration() const { return impl_->state()->packed == nullptr; }
std::optional<Calibration> Layer::calibration() const { return impl_->state()->calibration; }

void Layer::forward(ArrayView<const float> x, const BatchShape& input, ArrayView<float> y, int threads,
                    const ReadKey& key) const {
  const LayerDefinition& definition = *impl_->definition;
  const BatchShape output = definition.shape.output_shape(input);
  threads = resolve_num_threads(threads);
  check_input(x, input, threads);
  check(y.size == output.size(), "y has ", y.size, " values; the output needs ", output.size());
  const auto state = impl_->state();
  check(key.samples.empty() || key.samples.size == input.images, "samples has ", key.samples.size, " numbers; the batch has ",
        input.images, " samples");
  const auto packed = impl_->packed(*state);
  std::optional<ReadDraws> draws;
  if (packed->has_read_noise || packed->noise_sigma > 0.0f)
    draws.emplace(definition, state->seed, key, definition.product.output_shape(input).positions());
  const ReadDraws* const drawn = draws ? &*draws : nullptr;
  if (definition.shape.is_transposed) {
    run_transposed(definition, *packed, state->scale, state->end, drawn, x.data, input, y.data, threads);
  } else {
    run_forward(definition, *packed, state->scale, drawn, x.data, input, y.data, threads);
  }
  check(are_finite(y.data, y.size, threads), "the output is not finite: inputs, weights or epilogue take it out of float32");
}

ClippingRates Layer::clipping_rates(ArrayView<const float> x, const BatchShape& input) const {
  check_input(x, input);
  return count_clipping(*impl_->definition, *impl_->packed(*impl_->state()), x.data, input);
}

CalibrationReport Layer::calibration_report(ArrayView<const float> x, const BatchShape& input) const {
  check_input(x, input);
  check(input.images > 0, "x is an empty batch: a report needs at least one sample");
  return report_calibration(*impl_->definition, *impl_->packed(*impl_->state()), x.data, input);
}

ReadActivity Layer::read_activity(ArrayView<const float> x, const BatchShape& input) const {
  check_input(x, input);
  check(input.images > 0, "x is an empty batch: a cost needs at least one sample");
  impl_->definition->shape.output_shape(input);
  const auto state = impl_->state();
  // Why: the packed form of ideal converters has no full scale, as nothing there depends on it.
  InputCode code = impl_->packed(*state)->input;
  const double calibrated = state->calibration ? state->calibration->full_scale : 1.0;
  code.full_scale = impl_->definition->hardware.dac.range.value_or(calibrated);
  ReadActivity activity = measure_reads(*impl_->definition, *state->cells, code, x.data, input);
  check(std::isfinite(activity.energy), "the energy of these reads is not finite: inputs, range or cells are too large");
  return activity;
}

Layer Layer::with_epilogue(Epilogue epilogue) const {
  const auto outputs = static_cast<std::size_t>(impl_->definition->shape.out_channels);
  for (const auto* values : {&epilogue.scale, &epilogue.shift}) {
    check(values->empty() || values->size() == outputs, "epilogue has ", values->size(), " values; the layer has ", outputs,
          " outputs");
    check_finite("epilogue", {values->data(), values->size()});
  }
  check(epilogue.low <= epilogue.high, "epilogue clips to [", epilogue.low, ", ", epilogue.high,
        "]: low must not exceed high");
  auto impl = impl_->copy();
  impl->epilogue = std::move(epilogue);
  impl->rescale(*impl->state());
  return Layer(std::move(impl));
}

const LayerShape& Layer::shape() const { return impl_->definition->shape; }
const Hardware& Layer::hardware() const { return impl_->definition->hardware; }
std::uint64_t Layer::seed() const { return impl_->state()->seed; }
std::uint64_t Layer::layer_id() const { return impl_->definition->layer_id; }
std::uint32_t Layer::write() const { return impl_->state()->write; }
std::shared_ptr<const CellArrays> Layer::cells() const { return impl_->state()->cells->programmed(); }

void Layer::set_cells(CellArrays cells, std::uint64_t seed, std::uint32_t write) {
  State next = *impl_->state();
  const CellCounts& counts = next.cells->counts();
  const auto check_cells = [](const char* name, std::size_t count, const std::vector<float>& given) {
    check(given.size() == count, name, " has ", given.size(), " cells; the layer has ", count);
    constexpr float kLargest = 1e9f;  // far above any cell, far below what sums in float32 can hold
    for (const float digits : given)
      check(std::abs(digits) <= kLargest, name, " holds ", digits, ": not the digit of a cell");
  };
  check_cells("cells.weights", counts.weights, cells.weights);
  check_cells("cells.units", counts.units, cells.units);
  check_cells("cells.off_block", counts.off_block, cells.off_block);
  next.seed = seed;
  next.write = write;
  next.readout.reset();
  next.cells = std::make_shared<const CellSource>(impl_->definition, std::move(cells), seed, write);
  impl_->replace(std::move(next));
}

PlanInfo Layer::plan() const {
  const LayerDefinition& definition = *impl_->definition;
  const WeightCode& code = definition.code;
  const auto state = impl_->state();
  PlanInfo info;
  info.num_slices = code.num_slices;
  info.num_arrays = definition.tiling.num_arrays(definition.hardware.array.is_interleaved ? 1 : code.num_planes());
  info.num_cells = static_cast<long long>(state->cells->counts().weights + state->cells->counts().units);
  info.row_blocks = static_cast<int>(definition.tiling.merged[0].row_blocks.size());
  if (!state->packed) {
    info.kind = "uncalibrated";
    info.reason = "converter ranges or signs are still open: call calibrate(x)";
    info.products = 0;
    return info;
  }
  info.kind = state->packed->plan.name();
  info.reason = state->packed->plan.reason;
  info.not_taken = state->packed->plan.not_taken;
  info.products = state->packed->plan.products;
  info.multiply_adds = static_cast<double>(info.products) * static_cast<double>(definition.weight.size());
  info.table_bytes = table_bytes(*state->packed);
  info.num_cycles = state->packed->conversions();
  info.num_passes = state->packed->input.num_passes();
  return info;
}

std::vector<float> Layer::conductances() const {
  const auto cells = impl_->state()->cells->arrays();
  std::vector<float> g(cells->weights.size());
  for (std::size_t i = 0; i < g.size(); ++i)
    g[i] = static_cast<float>(impl_->definition->code.to_conductance(cells->weights[i]));
  check(are_finite(g.data(), g.size(), 1),
        "the conductances of the cells are not finite: an error or drift takes them out of float32");
  return g;
}

std::vector<std::uint32_t> Layer::pulses() const { return impl_->state()->cells->pulses(); }

std::vector<float> Layer::effective_weight() const {
  State state = *impl_->state();
  impl_->see_cells(state);
  const LayerShape& shape = impl_->definition->shape;
  std::vector<float> weights = effective_weights(*impl_->definition, *state.read.seen);
  check(are_finite(weights.data(), weights.size(), 1),
        "the weights of the cells are not finite: an error or the weight range takes them out of float32");
  return shape.is_transposed ? from_array_order(shape, weights.data()) : weights;
}

}  // namespace imperfect
