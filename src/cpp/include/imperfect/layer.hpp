// SPDX-License-Identifier: BSD-3-Clause
/// \file
/// One analog layer: a linear map or a convolution computed by arrays of the given hardware. Weights are programmed when the
/// layer is made; `Layer::program` writes them again.
///
/// **Errors.** What cannot be built or computed throws std::invalid_argument, whose text names the field or argument, its
/// value and what is allowed; std::bad_alloc if memory cannot be had; Interrupted within an InterruptScope. A layer is then
/// as it was before the call; an output may be half written.
///
/// **Memory.** Views are read or written during the call and not kept: layers own copies of weights, hardware and cells.
///
/// **Threads.** Const methods may run in several threads at once, also while another thread calls `program`, `calibrate` or
/// one of the `set_` methods: each call works on the state it started with. Of two calls that change one layer at the same
/// time, one may undo what the other did. Assigning to a layer, moving from it and destroying it need it for themselves.
///
/// **Bits.** Same arguments, same seed, same bits: for any number of threads, any split of a batch (with read noise, if
/// `ReadKey::first_sample` says where a part begins), and any copy of a layer.
#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "imperfect/array_view.hpp"
#include "imperfect/hardware.hpp"

namespace imperfect {

/// Shape of the map. Three numbers are those of depth, height and width; pictures have depth 1, and a linear layer is a
/// 1 × 1 × 1 convolution of a 1 × 1 × 1 image. Weights are out_channels × (in_channels/groups) × kernel.
///
/// A transposed convolution has weights in_channels × (out_channels/groups) × kernel. Its arrays are those of a 1 × 1 × 1
/// convolution with out_channels·kernel outputs, whose products are added up where they overlap; `stride` is how far apart
/// inputs lie in the output, of which pad_begin and pad_end are cut off and `output_padding` added at the end.
struct LayerShape {
  int in_channels = 1;                ///< at least 1; inputs of a linear layer
  int out_channels = 1;               ///< at least 1; outputs of a linear layer
  int groups = 1;                     ///< divides both numbers of channels
  int kernel[3] = {1, 1, 1};          ///< at least 1
  int stride[3] = {1, 1, 1};          ///< at least 1
  int dilation[3] = {1, 1, 1};        ///< at least 1
  int pad_begin[3] = {0, 0, 0};       ///< zeros before the input
  int pad_end[3] = {0, 0, 0};         ///< zeros after it
  bool is_transposed = false;         ///< a transposed convolution
  int output_padding[3] = {0, 0, 0};  ///< of a transposed convolution only

  /// Elements of the kernel.
  int kernel_size() const { return kernel[0] * kernel[1] * kernel[2]; }
  /// Word lines that one output of an array sees.
  int rows_per_group() const { return in_channels / groups * (is_transposed ? 1 : kernel_size()); }
  /// Outputs of all arrays together.
  int array_outputs() const { return out_channels * (is_transposed ? kernel_size() : 1); }
  /// Those of one group.
  int outputs_per_group() const { return array_outputs() / groups; }
  /// Number of weights.
  std::size_t weight_size() const {
    return static_cast<std::size_t>(array_outputs()) * static_cast<std::size_t>(rows_per_group());
  }
  /// The batch a forward pass produces. Throws if the input does not fit the layer.
  BatchShape output_shape(const BatchShape& input) const;
};

/// Which read of which samples a forward pass is: the key of whatever is drawn fresh at each read. Sample i of the batch has
/// the number samples[i], or first_sample + i without `samples`.
struct ReadKey {
  std::uint64_t first_sample = 0;               ///< number of the first sample of a batch
  std::uint64_t read = 0;                       ///< number of the read
  ArrayView<const std::uint64_t> samples = {};  ///< one for each sample, or empty
};

/// A digital step after the array: y = clip(scale·y + shift, low, high), one scale and shift per output (empty: 1 and 0).
struct Epilogue {
  std::vector<float> scale;                             ///< finite
  std::vector<float> shift;                             ///< finite
  float low = -std::numeric_limits<float>::infinity();  ///< 0 is what a ReLU is
  float high = std::numeric_limits<float>::infinity();  ///< not below `low`
};

/// What products of one-bit inputs and analog cells are computed in. kFixed16 rounds the cells of each bit line and array to
/// 16-bit integers: with one-bit inputs, a conversion's sum of digits is then wrong by at most n·s/(65534 - rows), where s is
/// the sum of the bit line's digits' magnitudes and n how many of its word lines are driven. Where it would gain nothing, and
/// where cells are ideal levels, computing stays as it is.
enum class Precision {
  kFloat32,  ///< float32
  kFixed16   ///< 16-bit integers, where that gains time
};

/// How a layer is computed, and why.
struct PlanInfo {
  std::string kind;                                            ///< "folded", "fused", "bit_serial", or "uncalibrated"
  std::string reason;                                          ///< why
  std::vector<std::pair<std::string, std::string>> not_taken;  ///< other plans, and what speaks against them
  int num_slices = 1;                                          ///< cells of a weight and polarity
  int num_cycles = 1;                                          ///< conversions of one pass
  int num_passes = 1;                                          ///< 2 where positive and negative inputs take turns
  int products = 1;             ///< float32 products of the layer's size that one forward pass costs
  double multiply_adds = 0.0;   ///< of all those products, for one position of the output (transposed: of the input)
  std::size_t table_bytes = 0;  ///< look-up tables: all of them if kept, else those of one tile of outputs and one array
  long long num_arrays = 1;     ///< crossbars
  long long num_cells = 0;      ///< of weights and unit columns
  int row_blocks = 1;           ///< of the largest group
};

/// What calibration found. Ranges are in unit currents, one for each slice, and for each polarity of a slice that is
/// converted on its own.
struct Calibration {
  double full_scale = 1.0;                        ///< of the inputs, from 1e-30 to 1e30
  bool is_signed = true;                          ///< inputs may be negative
  std::vector<std::pair<double, double>> ranges;  ///< low below high
};

/// Fractions of values outside a converter's range.
struct ClippingRates {
  double dac = 0.0;         ///< of the inputs
  std::vector<double> adc;  ///< as Calibration::ranges
};

/// How the converters of one slice, or of one polarity of a slice, use their range. Currents in unit currents; `low`, `high`
/// and `lsb` are NaN, and `codes` empty, for ideal converters. Where ranges grow with the word lines of an array they are
/// those of the largest.
struct ConverterUse {
  int slice = 0;                        ///< the lowest digits first
  int polarity = -1;                    ///< 0: +, 1: -; -1 where polarities are not converted apart
  double low = 0.0;                     ///< lowest current of the range
  double high = 0.0;                    ///< highest current of the range
  double lsb = 0.0;                     ///< from code to code
  std::uint64_t conversions = 0;        ///< all of them
  std::uint64_t clipped_low = 0;        ///< of currents below the range
  std::uint64_t clipped_high = 0;       ///< of currents above it
  std::uint64_t line_reads = 0;         ///< of bit lines, one for each polarity and cycle
  std::uint64_t limited_lines = 0;      ///< of these, beyond array.column_current_max
  double mean = 0.0;                    ///< of the currents
  double sigma = 0.0;                   ///< their standard deviation
  std::vector<std::uint64_t> codes;     ///< how often each came out
  double bin_width = 0.0;               ///< of the histogram `currents`
  std::vector<std::uint64_t> currents;  ///< how many in each bin; the middle of the bins is at 0
};

/// What a batch does to the converters of a layer, without noise of reading or converting.
struct CalibrationReport {
  double full_scale = 1.0;               ///< of the inputs
  double inputs_clipped = 0.0;           ///< fraction
  std::vector<ConverterUse> converters;  ///< as Calibration::ranges; empty where nothing is converted or limited
};

/// What reading the arrays for a batch takes, over every product, pass and cycle. Energy is that of reads of 1 s, in units of
/// g_max V², V the voltage at full-scale input.
struct ReadActivity {
  std::uint64_t word_line_charges = 0;  ///< word lines of arrays driven at other than 0 V
  std::uint64_t cell_reads = 0;         ///< cells on them
  double energy = 0.0;                  ///< times g_max, V² and the seconds of a read: joule
};

/// Digits of all cells; see `Layer::cells`.
struct CellArrays {
  std::vector<float> weights;    ///< [slice][polarity][output][row]
  std::vector<float> units;      ///< [unit][slice][row of the array]
  std::vector<float> off_block;  ///< [slice][polarity][output][row of the array]; empty if all are ideal
};

/// An analog layer: a linear map or a convolution on arrays of one kind of hardware.
class Layer {
 public:
  /// Makes and programs a layer from `shape.weight_size()` finite weights and a bias, which is empty or has one finite value
  /// per output. Every draw is keyed by seed, one number for each chip, and layer_id, which tells the layers of a chip apart.
  Layer(const LayerShape& shape, ArrayView<const float> weight, ArrayView<const float> bias, const Hardware& hardware,
        std::uint64_t seed = 0, std::uint64_t layer_id = 0, Precision precision = Precision::kFloat32);
  ~Layer();
  /// A layer of its own. Both share weights, cells and everything computed from them until one of them is changed, so a copy
  /// costs next to nothing.
  Layer(const Layer& other);
  Layer& operator=(const Layer& other);  ///< as a copy
  Layer(Layer&&) noexcept;               ///< leaves a layer that may only be assigned to or destroyed
  Layer& operator=(Layer&&) noexcept;    ///< leaves a layer that may only be assigned to or destroyed

  /// Writes all cells anew: same seed and write number, same bits. A calibration stays.
  void program(std::uint64_t seed, std::uint32_t write = 0);
  /// A layer of the same weights, calibration and cells, `seconds` after they were written (PCM: after its first 20 s).
  /// Programming it again, or setting its cells, puts it back to 0. Throws for times that a drift law does not cover.
  Layer at(double seconds) const;
  /// How long ago the cells were written.
  double seconds() const;
  /// Sets every range that the hardware leaves to calibration, from at least one sample; does nothing if there is none.
  void calibrate(ArrayView<const float> x, const BatchShape& shape);
  bool uses_calibration() const;   ///< some range or sign is left to calibration
  bool needs_calibration() const;  ///< so, and it has not been done: `forward` refuses
  /// What calibration found; empty before.
  std::optional<Calibration> calibration() const;
  /// Inputs that drift compensation reads the arrays out with; `calibrate` keeps the first of its own. None: no images.
  std::pair<BatchShape, std::vector<float>> readout_inputs() const;
  /// Sets them, of at least one image.
  void set_readout_inputs(ArrayView<const float> x, const BatchShape& shape);
  /// Sets the ranges, as `calibrate` would.
  void set_calibration(const Calibration& calibration);

  /// y = layer(x), for finite inputs; y must hold `shape().output_shape(input).size()` values. At most `threads` threads
  /// work, 0 meaning the default of OpenMP. Throws also if a range still waits for calibration, or y is not finite.
  void forward(ArrayView<const float> x, const BatchShape& input, ArrayView<float> y, int threads = 0,
               const ReadKey& key = {}) const;
  /// How much of a batch is clipped, without noise of reading or converting.
  ClippingRates clipping_rates(ArrayView<const float> x, const BatchShape& input) const;
  /// The same in detail, of at least one image.
  CalibrationReport calibration_report(ArrayView<const float> x, const BatchShape& input) const;
  /// What reading the arrays for a batch takes, of at least one image. Throws if its energy is not finite.
  ReadActivity read_activity(ArrayView<const float> x, const BatchShape& input) const;

  /// A layer with the same cells and another digital step.
  Layer with_epilogue(Epilogue epilogue) const;

  const LayerShape& shape() const;   ///< as given; lives as long as any layer with these weights
  const Hardware& hardware() const;  ///< as given; lives as long as any layer with these weights
  std::uint64_t seed() const;        ///< of the last writing
  std::uint64_t layer_id() const;    ///< as given
  std::uint32_t write() const;       ///< number of the last writing
  PlanInfo plan() const;             ///< how the layer is computed
  /// Cells as they were written, whatever the time.
  std::shared_ptr<const CellArrays> cells() const;
  /// Replaces all cells, as many as `cells` has; seed and write number are the key of their drift.
  void set_cells(CellArrays cells, std::uint64_t seed, std::uint32_t write);
  /// Pulses of closed-loop programming that each weight cell took: [slice][polarity][output of the arrays][row]. Throws
  /// without such a law.
  std::vector<std::uint32_t> pulses() const;
  /// g/g_max of the weight cells: [slice][polarity][output of the arrays][row]. Throws if float32 does not hold them.
  std::vector<float> conductances() const;
  /// The weights that the programmed cells stand for, in the layout of the weights.
  std::vector<float> effective_weight() const;

 private:
  class Impl;
  explicit Layer(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

}  // namespace imperfect
