// SPDX-License-Identifier: BSD-3-Clause
//
// Inputs on their way to the arrays. Lanes are the (image, position) pairs of a chunk, taken a panel at a time; a panel is
// gathered (implicit im2col) and split into the digits of each cycle for one row block at a time. Nothing larger than a
// chunk's inputs and one panel is ever held.
#pragma once

#include <vector>

#include "base/aligned.hpp"
#include "layer/input_buffer.hpp"
#include "layer/packed.hpp"

namespace imperfect {

/// Buffers of one thread, kept between calls.
struct Workspace {
  InputBuffer inputs;
  AlignedBuffer<float> panel;      ///< [row][lane]
  AlignedBuffer<float> digits;     ///< [cycle][row][lane]
  AlignedBuffer<float> lane_sums;  ///< [cycle][lane]
  AlignedBuffer<float> offsets;    ///< [group of the array][lane]
  AlignedBuffer<float> sums;       ///< [panel][output][lane]
  AlignedBuffer<double> exact_sums;
  AlignedBuffer<float> powers;   ///< of nonlinear cells: [cycle][power][row][lane]
  AlignedBuffer<float> squares;  ///< squared digits: [cycle][row][lane]
  AlignedBuffer<float> drive;    ///< digits of one drive: [row][lane]
  CircuitBuffers circuit;
  AlignedBuffer<float> solved;               ///< [plane][cycle][output][lane]
  AlignedBuffer<float> line_currents;        ///< of one tile and conversion: [output][lane], and scratch
  AlignedBuffer<float> noise;                ///< [plane][cycle][output of the tile][lane], or [output][lane]
  AlignedBuffer<float> variances;            ///< [output][lane]
  std::vector<std::uint64_t> samples;        ///< [lane]
  AlignedBuffer<float> tables;               ///< [group of rows][subset][column]
  AlignedBuffer<std::int16_t> short_tables;  ///< [group of rows][column][subset]
  AlignedBuffer<std::uint8_t> indices;       ///< [panel][sign][set of cycles][group of rows][lane][8]
  AlignedBuffer<std::uint8_t> used_bits;     ///< [panel][pass][set of cycles][lane]
  AlignedBuffer<float> fold_row;             ///< of a transposed convolution, see FoldArgs
  std::vector<LaneRun> input_runs;
  std::vector<LaneRun> output_runs;
};

/// The calling thread's buffers.
Workspace& workspace();

/// The digits of one row block for one pass, ready for the kernels.
struct BlockInputs {
  const float* digits;     ///< [cycle][row][lane], rows once for each power
  const float* linear;     ///< the same of the first power alone
  const float* lane_sums;  ///< [cycle][lane]; zeros where no conversion needs them
  const float* squares;    ///< what read noise drawn afresh in each drive multiplies with, as digits; null without it
};

/// A chunk of images of one layer.
class PanelReader {
 public:
  static constexpr int kBothPasses = -1;

  PanelReader(const LayerShape& shape, const PackedLayer& layer, const InputLayout& layout, const BatchShape& input,
              Workspace& workspace);

  /// Quantises images [first, first + count). Returns how many inputs were clipped.
  std::size_t load(const float* x, std::size_t first, std::size_t count);
  std::size_t num_images() const { return images_; }
  std::size_t first_image() const { return first_image_; }
  /// Lanes of the loaded chunk.
  std::size_t num_lanes() const { return images_ * positions_; }
  /// Moves to lanes [first, first + lanes); returns how many of them exist.
  int select(std::size_t first, int lanes);
  /// Where the selected lanes' first outputs lie.
  const std::vector<LaneRun>& output_runs() const { return workspace_.output_runs; }

  /// Gathers the input numbers of a row block of `group`: [row][lane], kept until the next call.
  const float* gather(const PackedGroup& group, const Block& rows);
  /// The gathered numbers as the word lines carry them over all cycles; rows once for each power.
  const float* driven_numbers(const Block& rows);
  /// Splits the gathered numbers into digits, as the word lines carry them, for pass 0 (positive or only) or 1 (negative).
  BlockInputs digits(const Block& rows, int pass);
  /// Digits of a whole padded image for every pass and cycle, image_size apart.
  const float* drives(const float* numbers);
  /// Squares of the gathered numbers' drives in one pass or both, each with the square of its weight: [row][lane].
  const float* squared_drives(const Block& rows, int pass);

  /// Where the rows of a group's block start in the chunk's numbers.
  const std::ptrdiff_t* row_offsets(const PackedGroup& group, const Block& rows) const;
  /// Numbers of one group's channels, padded.
  std::ptrdiff_t group_size() const { return layout_.image_size / shape_.groups; }
  const float* numbers() const { return workspace_.inputs.numbers(); }
  const InputLayout& layout() const { return layout_; }
  const BatchShape& output() const { return output_; }
  const LayerShape& shape() const { return shape_; }

 private:
  const float* take_powers(const float* digits, int cycles, std::size_t size);

  const LayerShape& shape_;
  const PackedLayer& layer_;
  const InputLayout& layout_;
  BatchShape input_;
  BatchShape output_;
  Workspace& workspace_;
  std::size_t positions_;
  int lanes_ = 0;
  std::size_t images_ = 0;
  std::size_t first_image_ = 0;
};

}  // namespace imperfect
