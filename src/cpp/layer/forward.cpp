// SPDX-License-Identifier: BSD-3-Clause
//
// Cutting a forward pass into work items: chunks of images × parts of the outputs. Items never share an output, and none
// depends on how many threads there are, so neither do the bits.
#include "layer/forward.hpp"

#include <algorithm>

#include "base/parallel.hpp"
#include "layer/passes.hpp"
#include "layer/tables.hpp"

namespace imperfect {
namespace {

// Why: panels of one chunk share its quantisation; look-up tables, made anew for each chunk, want more lanes to share them.
constexpr std::size_t kChunkLanes = 192;
constexpr double kProductsPerThread = 1e6;      // multiply-adds that are worth a thread of their own
constexpr double kProductsPerSolution = 100.0;  // of a circuit
constexpr int kOutputStep = 16;                 // outputs are cut where tiles and look-up tables of every level end

/// Cuts the outputs into about `count` parts: over groups if there are several, else over the outputs of the only group.
std::vector<OutputPart> cut_outputs(const PackedLayer& layer, std::size_t count) {
  const PackedGroup& group = layer.groups[0];
  std::vector<OutputPart> parts;
  if (layer.groups.size() > 1 || !group.unit_of.empty()) {
    const std::size_t groups = layer.groups.size();
    count = std::min(count, groups);
    for (std::size_t i = 0; i < count; ++i) parts.push_back({groups * i / count, groups * (i + 1) / count, {}});
    return parts;
  }
  const auto steps = static_cast<std::size_t>((group.total_outputs + kOutputStep - 1) / kOutputStep);
  count = std::min(count, steps);
  for (std::size_t i = 0; i < count; ++i) {
    const int begin = static_cast<int>(steps * i / count) * kOutputStep;
    const int end = std::min(static_cast<int>(steps * (i + 1) / count) * kOutputStep, group.total_outputs);
    parts.push_back({0, 1, {begin, end}});
  }
  return parts;
}

void run_pass(const PassContext& context, const OutputPart& part) {
  if (context.layer.is_direct) return run_direct(context, part);
  switch (context.layer.plan.kind) {
    case PlanKind::kFolded: return run_folded(context, part);
    case PlanKind::kFused:
    case PlanKind::kCircuit: return run_fused(context, part);
    case PlanKind::kBitSerial:
      return (has_integer_tables(context.layer) ? run_integer_tables : run_bit_serial)(context, part);
  }
}

}  // namespace

void run_forward(const LayerDefinition& definition, const PackedLayer& layer, const OutputScale& scale,
                 const ReadDraws* draws, const float* x, const BatchShape& input, float* y, int threads) {
  const std::size_t positions = definition.product.output_shape(input).positions();
  const bool is_circuit = layer.plan.kind == PlanKind::kCircuit;
  const std::size_t chunk_lanes = is_circuit ? static_cast<std::size_t>(kernels().lanes)
                                  : layer.plan.kind == PlanKind::kBitSerial && !has_integer_tables(layer)
                                      ? std::size_t{kFullChunkLanes}
                                      : kChunkLanes;
  const std::size_t images_per_chunk = (chunk_lanes + positions - 1) / positions;
  const std::size_t chunks = (input.images + images_per_chunk - 1) / images_per_chunk;
  // Why: starting and ending a team of threads costs as much as about a million multiply-adds.
  const double products = static_cast<double>(definition.weight.size()) * static_cast<double>(positions * input.images) *
                          layer.plan.products * (is_circuit ? kProductsPerSolution : 1.0);
  threads = static_cast<int>(std::min<double>(threads, 1.0 + products / kProductsPerThread));
  const auto wanted = static_cast<std::size_t>(threads);
  const InputLayout layout(definition.product, input);
  // Why: a few chunks, of which the last is smaller, do not divide evenly among threads, but the outputs of each chunk do.
  const bool few = threads > 1 && chunks < 4 * wanted && !is_circuit;
  const std::vector<OutputPart> parts = cut_outputs(layer, few ? wanted : 1);
  parallel_for(static_cast<std::ptrdiff_t>(chunks * parts.size()), threads, [&](std::ptrdiff_t item, int) {
    const std::size_t first = static_cast<std::size_t>(item) / parts.size() * images_per_chunk;
    Workspace& buffers = workspace();
    PanelReader reader(definition.product, layer, layout, input, buffers);
    reader.load(x, first, std::min(images_per_chunk, input.images - first));
    run_pass({layer, scale, reader, buffers, y, draws}, parts[static_cast<std::size_t>(item) % parts.size()]);
  });
}

}  // namespace imperfect
