// SPDX-License-Identifier: BSD-3-Clause
//
// A few images at a time: their products, then one work item for each image and channel.
#include "layer/fold.hpp"

#include <algorithm>
#include <optional>

#include "base/parallel.hpp"
#include "layer/forward.hpp"
#include "layer/panel.hpp"

namespace imperfect {
namespace {

constexpr std::size_t kMostProducts = std::size_t{1} << 20;
constexpr std::size_t kSumsPerThread = 65536;  // products that are worth a thread of their own

/// Products of all channels of some images into their outputs.
void fold_images(const LayerShape& shape, const FoldEnd& end, const BatchShape& input, const float* products, float* y,
                 int threads) {
  const BatchShape output = shape.output_shape(input);
  const std::size_t per_channel = static_cast<std::size_t>(shape.kernel_size()) * input.positions();
  const std::size_t count = output.images * static_cast<std::size_t>(output.channels);
  const std::ptrdiff_t written = input.width + std::ptrdiff_t{shape.kernel[2] - 1} * shape.dilation[2] / shape.stride[2];
  const std::ptrdiff_t read = (std::ptrdiff_t{output.width} - 1 + shape.pad_begin[2]) / shape.stride[2] + 1;
  const std::ptrdiff_t part_size = std::max(written, read);
  threads = static_cast<int>(std::min(static_cast<std::size_t>(threads), 1 + count * per_channel / kSumsPerThread));
  parallel_for(static_cast<std::ptrdiff_t>(count), threads, [&](std::ptrdiff_t item, int) {
    const auto i = static_cast<std::size_t>(item);
    float* const row = workspace().fold_row.reserve(static_cast<std::size_t>(part_size * shape.stride[2]));
    kernels().fold({shape.kernel,
                    shape.stride,
                    shape.dilation,
                    shape.pad_begin,
                    {input.depth, input.height, input.width},
                    {output.depth, output.height, output.width},
                    end.shift[i % end.shift.size()],
                    end.low,
                    end.high,
                    products + i * per_channel,
                    part_size,
                    row,
                    y + i * output.positions()});
  });
}

}  // namespace

FoldEnd make_fold_end(const LayerDefinition& definition, const Epilogue& epilogue) {
  FoldEnd end{{}, epilogue.low, epilogue.high};
  for (std::size_t n = 0; n < static_cast<std::size_t>(definition.shape.out_channels); ++n)
    end.shift.push_back(channel_shift(definition, epilogue, n));
  return end;
}

void run_transposed(const LayerDefinition& definition, const PackedLayer& layer, const OutputScale& scale, const FoldEnd& end,
                    const ReadDraws* draws, const float* x, const BatchShape& input, float* y, int threads) {
  if (input.images == 0) return;
  const BatchShape all = definition.product.output_shape(input), output = definition.shape.output_shape(input);
  const std::size_t step = std::clamp<std::size_t>(kMostProducts / all.image_size(), 1, all.images);
  AlignedBuffer<float> products(step * all.image_size());
  BatchShape part = input;
  for (std::size_t first = 0; first < input.images; first += step) {
    part.images = std::min(step, input.images - first);
    const auto own = draws == nullptr ? std::nullopt : std::optional(draws->from(first));
    run_forward(definition, layer, scale, own ? &*own : nullptr, x + first * input.image_size(), part, products.data(),
                threads);
    fold_images(definition.shape, end, part, products.data(), y + first * output.image_size(), threads);
  }
}

}  // namespace imperfect
