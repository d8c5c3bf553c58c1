// SPDX-License-Identifier: BSD-3-Clause
//
// One chunk of images through one part of a layer's outputs, one class for each way to compute it. All of them gather panels
// of lanes, go through the row blocks of each group, and finish and store the sums of a panel.
#pragma once

#include "layer/output_panel.hpp"
#include "layer/panel.hpp"

namespace imperfect {

/// A part of the layer's outputs: whole groups, or a range of outputs of the only group.
struct OutputPart {
  std::size_t first_group = 0;
  std::size_t last_group = 1;
  Block outputs;

  /// The outputs of a group that belong to this part.
  Block of(const PackedGroup& group) const { return outputs.size() > 0 ? outputs : Block{0, group.total_outputs}; }
};

/// What every pass works on.
struct PassContext {
  const PackedLayer& layer;
  const OutputScale& scale;
  PanelReader& reader;
  Workspace& buffers;
  float* y;

  std::ptrdiff_t positions() const { return std::ptrdiff_t{reader.output().height} * reader.output().width; }
};

/// Folded products of groups with few outputs, straight from the padded images.
void run_direct(const PassContext& context, const OutputPart& part);
/// Folded products, in double where float32 would not be exact.
void run_folded(const PassContext& context, const OutputPart& part);
/// One product for every plane, cycle and pass, converted in registers.
void run_fused(const PassContext& context, const OutputPart& part);
/// One-bit cycles by tables of subset sums.
void run_bit_serial(const PassContext& context, const OutputPart& part);
/// The same for cells that are ideal levels, by byte tables.
void run_byte_tables(const PassContext& context, const OutputPart& part);

}  // namespace imperfect
