// SPDX-License-Identifier: BSD-3-Clause
//
// The bit-serial pass. For each row block, the input bits of all panels of a chunk become table indices once; then each
// tile's tables are built for one plane and looked up by every panel before the next tile's replace them.
#include <algorithm>
#include <cstdint>

#include "layer/passes.hpp"
#include "layer/tables.hpp"

namespace imperfect {
namespace {

constexpr int kSetBits = 8;     // cycles whose indices lie side by side
constexpr int kMaxPanels = 20;  // panels of lanes that share tables; their indices and sums stay in the caches

int divide_up(int value, int by) { return (value + by - 1) / by; }

/// The panels [first_lane, …) of a chunk that are worked on together.
class BitSerialPass {
 public:
  explicit BitSerialPass(const PassContext& context)
      : context_(context),
        layer_(context.layer),
        lanes_(kernels().lanes),
        cycles_(layer_.input.num_cycles),
        sets_(divide_up(cycles_, kSetBits)),
        has_negative_(layer_.input.is_signed) {}

  void run(const PackedGroup& group, const Block& outputs, std::size_t first_lane) {
    first_lane_ = first_lane;
    const auto left = static_cast<int>(std::min<std::size_t>(context_.reader.num_lanes() - first_lane, 1u << 20));
    panels_ = std::min(divide_up(left, lanes_), kMaxPanels);
    const auto size = static_cast<std::size_t>(panels_) * panel_size(group);
    context_.buffers.sums.reserve(size);
    for (int q = 0; q < panels_; ++q) panel(group, outputs, q).clear();
    for (const PackedBlock& block : group.blocks) {
      prepare(group, outputs, block);
      for (const PackedTile& tile : group.tiles)
        if (tile.first >= outputs.begin && tile.first < outputs.end) convert_tile(group, block, tile);
      for (int q = 0; q < panels_; ++q) panel(group, outputs, q).subtract_units();
    }
    for (int q = 0; q < panels_; ++q) {
      select(q);
      panel(group, outputs, q).finish(context_.scale);
      panel(group, outputs, q).store(context_.reader.output_runs(), context_.positions(), context_.y);
    }
  }

  int panels() const { return panels_; }

 private:
  std::size_t panel_size(const PackedGroup& group) const { return static_cast<std::size_t>(group.total_outputs * lanes_); }
  OutputPanel panel(const PackedGroup& group, const Block& outputs, int q) const {
    return {group, outputs, context_.buffers.sums.data() + static_cast<std::size_t>(q) * panel_size(group), lanes_};
  }
  void select(int q) { context_.reader.select(first_lane_ + static_cast<std::size_t>(q * lanes_), lanes_); }

  std::size_t index_size() const { return static_cast<std::size_t>(sets_ * row_groups_ * lanes_ * kSetBits); }
  std::uint8_t* indices(int q, int sign) const {
    return context_.buffers.indices.data() + static_cast<std::size_t>(2 * q + sign) * index_size();
  }
  std::uint8_t* used(int q, int pass) const {
    return context_.buffers.used_bits.data() + static_cast<std::size_t>((2 * q + pass) * sets_ * lanes_);
  }
  float* lane_sums(int q, int pass) const {
    return context_.buffers.lane_sums.data() + static_cast<std::size_t>((2 * q + pass) * cycles_ * lanes_);
  }

  /// Indices and lane sums of all panels for one row block; its offset is taken off on the way.
  void prepare(const PackedGroup& group, const Block& outputs, const PackedBlock& block) {
    const int rows = block.rows.size();
    group_rows_ = choose_group_rows(rows, panels_ * lanes_, cycles_ * (has_negative_ ? 2 : 1));
    row_groups_ = divide_up(rows, group_rows_);
    const auto panels = static_cast<std::size_t>(2 * panels_);
    context_.buffers.indices.reserve(panels * index_size());
    const std::size_t used_size = panels * static_cast<std::size_t>(sets_ * lanes_);
    std::fill_n(context_.buffers.used_bits.reserve(used_size), used_size, std::uint8_t{0});
    const std::size_t sums_size = panels * static_cast<std::size_t>(cycles_ * lanes_);
    std::fill_n(context_.buffers.lane_sums.reserve(sums_size), sums_size, 0.0f);
    for (int q = 0; q < panels_; ++q) {
      select(q);
      const float* const numbers = context_.reader.gather(group, block.rows);
      const OutputPanel out = panel(group, outputs, q);
      if (layer_.removes_offset)
        out.remove_offset(layer_, numbers, block.rows, context_.buffers.offsets.reserve(out.offset_scratch()));
      index_part(numbers, rows, q, 0);
      if (has_negative_) index_part(numbers, rows, q, 1);
    }
  }

  /// Indices of the positive (0) or negative (1) inputs of one panel.
  void index_part(const float* numbers, int rows, int q, int sign) {
    const int pass = layer_.input.two_pass ? sign : 0;
    for (int set = 0; set < sets_; ++set) {
      std::uint8_t* const to = indices(q, sign) + set * row_groups_ * lanes_ * kSetBits;
      kernels().index_bits(
          {rows, lanes_, group_rows_, set * kSetBits, sign == 0 ? 1 : -1, numbers, used(q, pass) + set * lanes_, to});
      if (layer_.needs_lane_sums)
        kernels().count_bits({row_groups_, lanes_, std::min(cycles_ - set * kSetBits, kSetBits), sign == pass ? 1.0f : -1.0f,
                              to, lane_sums(q, pass) + set * kSetBits * lanes_});
    }
  }

  void convert_tile(const PackedGroup& group, const PackedBlock& block, const PackedTile& tile) {
    const int rows = block.rows.size();
    const float* weights = group.tile_weights(layer_, block, tile);
    float* const tables =
        context_.buffers.tables.reserve(static_cast<std::size_t>((row_groups_ << group_rows_) * tile.width));
    const double look_ups = static_cast<double>(panels_ * lanes_) * cycles_ + (1 << group_rows_);
    for (int plane = 0; plane < layer_.planes; ++plane, weights += rows * tile.width) {
      check_interrupt(look_ups * row_groups_ * tile.width);
      kernels().build_tables({rows, group_rows_, weights, tables});
      for (int q = 0; q < panels_; ++q)
        for (int pass = 0; pass < layer_.input.num_passes(); ++pass) {
          LookUpArgs args;
          args.lanes = lanes_;
          args.groups = row_groups_;
          args.group_rows = group_rows_;
          args.cycles = cycles_;
          args.positive = indices(q, pass);
          args.negative = has_negative_ && !layer_.input.two_pass ? indices(q, 1) : nullptr;
          args.used = used(q, pass);
          args.tables = tables;
          args.conversions = block.conversions[pass].data() + plane * cycles_;
          args.lane_sums = lane_sums(q, pass);
          args.sums = context_.buffers.sums.data() + static_cast<std::size_t>(q) * panel_size(group) +
                      std::ptrdiff_t{tile.first} * lanes_;
          kernels().look_up_convert(args);
        }
    }
  }

  const PassContext& context_;
  const PackedLayer& layer_;
  int lanes_;
  int cycles_;
  int sets_;
  bool has_negative_;
  std::size_t first_lane_ = 0;
  int panels_ = 0;
  int group_rows_ = 1;
  int row_groups_ = 1;
};

}  // namespace

void run_bit_serial(const PassContext& context, const OutputPart& part) {
  const std::size_t lanes = context.reader.num_lanes();
  for (std::size_t g = part.first_group; g < part.last_group; ++g) {
    const PackedGroup& group = context.layer.groups[g];
    BitSerialPass pass(context);
    for (std::size_t lane = 0; lane < lanes; lane += static_cast<std::size_t>(pass.panels() * kernels().lanes))
      pass.run(group, part.of(group), lane);
  }
}

}  // namespace imperfect
