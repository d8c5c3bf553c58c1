// SPDX-License-Identifier: BSD-3-Clause
//
// Blocks, ranges and digits.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <numeric>

#include "base/percentile.hpp"
#include "imperfect/array_use.hpp"
#include "kernels/kernel_table.hpp"
#include "mapping/tiling.hpp"
#include "mapping/weight_code.hpp"
#include "mapping/weight_range.hpp"

using namespace imperfect;

namespace {

std::vector<int> sizes(const std::vector<Block>& blocks) {
  std::vector<int> result;
  for (const Block& block : blocks) result.push_back(block.size());
  return result;
}

}  // namespace

TEST_CASE("blocks are equal, or full ones first") {
  CHECK(sizes(cut_blocks(10, 4, Partition::kEqual)) == std::vector<int>{4, 3, 3});
  CHECK(sizes(cut_blocks(10, 4, Partition::kFill)) == std::vector<int>{4, 4, 2});
  CHECK(sizes(cut_blocks(10, 0, Partition::kEqual)) == std::vector<int>{10});
  CHECK(sizes(cut_blocks(10, 10, Partition::kEqual)) == std::vector<int>{10});
  CHECK(sizes(cut_blocks(3, 1, Partition::kFill)) == std::vector<int>{1, 1, 1});
}

TEST_CASE("block-diagonal arrays hold as many groups as fit") {
  Hardware hardware;
  hardware.groups = Grouping::kBlockDiagonal;
  hardware.array.rows = 20;
  hardware.array.cols = 7;
  const Tiling tiling = make_tiling(hardware, 5, 3, 9);
  CHECK(tiling.groups_per_array == 2);
  CHECK(tiling.merged.size() == 3);
  CHECK(tiling.merged[2].groups == 1);
  CHECK(tiling.merged[0].row_blocks.size() == 1);
  hardware.array.rows = 5;  // a group no longer fits: each is cut by itself
  CHECK(make_tiling(hardware, 5, 3, 9).groups_per_array == 1);
  CHECK(make_tiling(hardware, 5, 3, 9).merged[0].row_blocks.size() == 2);
}

TEST_CASE("a unit column takes one bit line") {
  Hardware hardware;
  hardware.scheme = Scheme::kOffset;
  hardware.offset_removal = OffsetRemoval::kUnitColumn;
  hardware.array.cols = 4;
  const Tiling tiling = make_tiling(hardware, 1, 9, 5);
  CHECK(sizes(tiling.merged[0].col_blocks) == std::vector<int>{3, 3, 3});
  CHECK(tiling.num_units() == 3);
  hardware.array.cols = 1;
  CHECK_THROWS_AS(make_tiling(hardware, 1, 9, 5), std::invalid_argument);
}

TEST_CASE("arrays are counted whole") {
  Hardware hardware;
  hardware.scheme = Scheme::kOffset;
  hardware.offset_removal = OffsetRemoval::kUnitColumn;
  hardware.array.cols = 4;
  const ArrayUse use = count_arrays(hardware, 1, 9, 5);
  CHECK(use.num_arrays == 3);
  CHECK(use.weight_cells == 45);
  CHECK(use.unit_cells == 15);
  CHECK(use.off_block_cells == 0);
  CHECK(use.cells == 3 * 4 * 5);  // no limit on word lines: as many as are used
  const std::vector<ArrayBlock> blocks = list_blocks(hardware, 1, 9, 5);
  REQUIRE(blocks.size() == 3);
  CHECK(blocks[2].rows == 5);
  CHECK(blocks[2].outputs == 3);
  CHECK(blocks[2].units == 1);
  CHECK_THROWS_AS(count_arrays(hardware, 0, 9, 5), std::invalid_argument);
  CHECK_THROWS_AS(count_arrays(hardware, 1, 0, 5), std::invalid_argument);
  CHECK_THROWS_AS(count_arrays(hardware, 1, 9, 0), std::invalid_argument);
  hardware.array.cols = 1;
  CHECK_THROWS_AS(count_arrays(hardware, 1, 9, 5), std::invalid_argument);
}

TEST_CASE("without unit columns arrays hold outputs only, interleaved or not") {
  Hardware hardware;
  hardware.scheme = Scheme::kOffset;
  hardware.array.cols = 4;
  CHECK(count_arrays(hardware, 1, 8, 5).num_arrays == 2);
  CHECK(count_arrays(hardware, 1, 8, 5).unit_cells == 0);
  CHECK(list_blocks(hardware, 1, 8, 5)[0].units == 0);
  hardware.scheme = Scheme::kDifferential;
  CHECK(count_arrays(hardware, 1, 8, 5).num_arrays == 4);  // two column blocks, two polarities
  hardware.array.is_interleaved = true;                    // two outputs, both polarities, on four bit lines
  CHECK(count_arrays(hardware, 1, 8, 5).num_arrays == 4);
  CHECK(count_arrays(hardware, 1, 8, 5).cells == 4 * 4 * 5);
}

TEST_CASE("groups that share an array leave cells between them") {
  Hardware hardware;
  hardware.groups = Grouping::kBlockDiagonal;
  const ArrayUse use = count_arrays(hardware, 3, 2, 5);
  CHECK(use.weight_cells == 2 * 3 * 2 * 5);
  CHECK(use.off_block_cells == 2 * (6 * 15) - use.weight_cells);
}

TEST_CASE("percentiles interpolate between closest ranks") {
  std::vector<float> values = {4, 1, 3, 2};
  CHECK(percentile(values, 50.0) == doctest::Approx(2.5));
  CHECK(percentile(values, 0.0) == 1.0);
  CHECK(percentile(values, 100.0) == 4.0);
}

TEST_CASE("weight ranges per layer and channel") {
  const std::vector<float> weight = {1, -4, 0, 0};
  CHECK(weight_ranges(weight.data(), 2, 2, {}, RangePer::kLayer) == std::vector<double>{4.0, 4.0});
  CHECK(weight_ranges(weight.data(), 2, 2, {}, RangePer::kChannel) == std::vector<double>{4.0, 1.0});
  CHECK(weight_ranges(weight.data(), 2, 2, {WeightRange::Kind::kValue, 3.0}, RangePer::kChannel) ==
        std::vector<double>{3.0, 3.0});
}

TEST_CASE("a range by percentile is that of the side that reaches further; zeros have some range") {
  const WeightRange all{WeightRange::Kind::kPercentile, 100.0}, most{WeightRange::Kind::kPercentile, 75.0};
  const std::vector<float> weight = {-8, -4, 0, 2, 3};
  CHECK(weight_ranges(weight.data(), 1, 5, all, RangePer::kLayer) == std::vector<double>{8.0});
  CHECK(weight_ranges(weight.data(), 1, 5, most, RangePer::kLayer) == std::vector<double>{4.0});
  CHECK(weight_ranges(weight.data(), 1, 5, {}, RangePer::kLayer) == std::vector<double>{8.0});
  const std::vector<float> mirrored = {8, 4, 0, -2, -3}, zeros(5);
  CHECK(weight_ranges(mirrored.data(), 1, 5, most, RangePer::kLayer) == std::vector<double>{4.0});
  CHECK(weight_ranges(zeros.data(), 1, 5, most, RangePer::kLayer) == std::vector<double>{1.0});
}

TEST_CASE("slices: as many as the bits need, one where cells or weights have no levels") {
  Hardware hardware;
  CHECK(num_slices(hardware) == 1);
  hardware.weight_bits = 8;
  CHECK(num_slices(hardware) == 1);
  CHECK(make_weight_code(hardware).top_digit == 127.0);  // one cell holds the magnitude
  hardware.scheme = Scheme::kOffset;
  CHECK(make_weight_code(hardware).top_digit == 255.0);
  hardware.cell.bits = 3;
  CHECK(num_slices(hardware) == 3);  // 8 bits
  hardware.scheme = Scheme::kDifferential;
  hardware.cell.bits = 4;
  CHECK(num_slices(hardware) == 2);  // 7 bits
  hardware.weight_bits.reset();
  CHECK(num_slices(hardware) == 1);
}

TEST_CASE("digits lie between the conductances of a cell") {
  Hardware hardware;
  hardware.weight_bits = 4;
  hardware.cell.on_off_ratio = 4.0;
  const WeightCode code = make_weight_code(hardware);
  CHECK(code.to_conductance(0.0) == 0.25);
  CHECK(code.to_conductance(7.0) == 1.0);
  CHECK(code.to_digits(code.to_conductance(3.0)) == doctest::Approx(3.0));
}

TEST_CASE("digits of every scheme and slice count recombine to the integer weight") {
  for (const Scheme scheme : {Scheme::kDifferential, Scheme::kOffset})
    for (int weight_bits = 2; weight_bits <= 12; ++weight_bits)
      for (int cell_bits = 1; cell_bits < weight_bits; ++cell_bits) {
        Hardware hardware;
        hardware.scheme = scheme;
        hardware.weight_bits = weight_bits;
        hardware.cell.bits = cell_bits;
        const WeightCode code = make_weight_code(hardware);
        const int top = (1 << (weight_bits - 1)) - 1;
        std::vector<float> weight(static_cast<std::size_t>(2 * top + 1));
        std::iota(weight.begin(), weight.end(), static_cast<float>(-top));
        const auto count = static_cast<int>(weight.size());
        const std::vector<double> ranges(weight.size(), top);
        const std::vector<float> numbers = encode_weights(code, weight.data(), ranges, count, 1);
        for (std::size_t i = 0; i < weight.size(); ++i) {
          double sum = -code.offset();
          for (int slice = 0; slice < code.num_slices; ++slice)
            for (int p = 0; p < code.num_polarities; ++p) {
              const PlanePart part = plane_part(code, slice, p);
              float digit;
              kernels().place_digits({part.sign, part.shift, static_cast<int>(part.mask), 0.0f, 1.0f}, &numbers[i], 1,
                                     &digit);
              REQUIRE((digit >= 0.0f && digit <= static_cast<float>(code.top_digit)));
              sum += (p == 0 ? 1.0 : -1.0) * code.slice_weight(slice) * digit;
            }
          REQUIRE(sum == weight[i]);
        }
      }
}

TEST_CASE("continuous cells: one-sided, two-sided, offset, with levels") {
  Hardware hardware;
  const float weight = -0.5f;
  const std::vector<double> range = {1.0};
  CHECK(encode_weights(make_weight_code(hardware), &weight, range, 1, 1) == std::vector<float>{0.0f, 0.5f});
  hardware.two_sided = true;
  CHECK(encode_weights(make_weight_code(hardware), &weight, range, 1, 1) == std::vector<float>{0.25f, 0.75f});
  hardware.two_sided = false;
  hardware.scheme = Scheme::kOffset;
  CHECK(encode_weights(make_weight_code(hardware), &weight, range, 1, 1) == std::vector<float>{0.25f});
  hardware.cell.bits = 1;
  CHECK(encode_weights(make_weight_code(hardware), &weight, range, 1, 1) == std::vector<float>{0.0f});
}
