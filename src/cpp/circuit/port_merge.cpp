// SPDX-License-Identifier: BSD-3-Clause
//
// The recursion. Leaves are reduced first, several at a time; blocks are then halved across their longer side.
#include "circuit/port_merge.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include "base/interrupt.hpp"

namespace imperfect {
namespace {

constexpr std::size_t kLeafSize = std::size_t{kLeafPorts} * kLeafPorts;

}  // namespace

std::pair<PortMerger::Area, PortMerger::Area> PortMerger::Area::halves() const {
  if (columns >= rows) {
    const int half = columns / 2;
    return {{row, column, rows, half}, {row, column + half, rows, columns - half}};
  }
  const int half = rows / 2;
  return {{row, column, half, columns}, {row + half, column, rows - half, columns}};
}

PortMerger::PortMerger(const PortKernels& kernels, int rows, int columns) : kernels_(kernels), all_{0, 0, rows, columns} {
  collect_leaves(all_);
  std::map<std::pair<int, int>, std::vector<std::size_t>> shapes;
  for (std::size_t i = 0; i < leaves_.size(); ++i) {
    std::vector<std::size_t>& open = shapes[{leaves_[i].rows, leaves_[i].columns}];
    open.push_back(i);
    if (open.size() == kLeafLanes) batches_.push_back(std::exchange(open, {}));
  }
  for (auto& [shape, open] : shapes)
    if (!open.empty()) batches_.push_back(std::move(open));
  // One leaf more, for what lanes without a leaf give.
  leaf_entries_.reserve((leaves_.size() + 1) * kLeafSize);
  leaf_scratch_.reserve(kLeafScratch + std::size_t{kLeafLanes} * (kLeafSide * kLeafSide + 2));
}

void PortMerger::collect_leaves(const Area& area) {
  if (area.is_leaf()) return leaves_.push_back(area);
  const auto [first, second] = area.halves();
  collect_leaves(first);
  collect_leaves(second);
}

void PortMerger::reduce_batch(const std::vector<std::size_t>& batch, const double* g, const Segments& segments) {
  const Area& shape = leaves_[batch[0]];
  double* const cells = leaf_scratch_.data() + kLeafScratch;
  double* const first = cells + kLeafLanes * kLeafSide * kLeafSide;
  double* const last = first + kLeafLanes;
  LeafArgs args{shape.rows, shape.columns, cells, segments.row, segments.column, first, last, leaf_scratch_.data(), {}};
  for (std::size_t lane = 0; lane < kLeafLanes; ++lane) {
    const bool is_used = lane < batch.size();
    const Area& area = leaves_[is_used ? batch[lane] : batch[0]];
    args.to[lane] = leaf_entries_.data() + (is_used ? batch[lane] : leaves_.size()) * kLeafSize;
    first[lane] = area.column == 0 ? segments.driver : segments.row;
    last[lane] = area.row + area.rows == all_.rows ? segments.sense : segments.column;
    double* to = cells + lane;
    for (int i = area.row; i < area.row + area.rows; ++i)
      for (int j = area.column; j < area.column + area.columns; ++j, to += kLeafLanes)
        *to = g[std::ptrdiff_t{i} * all_.columns + j];
  }
  kernels_.reduce_leaves(args);
}

PortBlock PortMerger::reduce(const double* g, const Segments& segments, bool want_left) {
  want_left_ = want_left;
  constexpr double kBatchWork = 1e5;
  for (const std::vector<std::size_t>& batch : batches_) {
    check_interrupt(kBatchWork);
    reduce_batch(batch, g, segments);
  }
  next_leaf_ = 0;
  return reduce(all_, {false, false, 0, 0});
}

PortBlock PortMerger::reduce(const Area& area, const Wanted& wanted) {
  if (area.is_leaf()) {
    const double* const entries = leaf_entries_.data() + next_leaf_++ * kLeafSize;
    return close({entries, kLeafPorts, area.rows, area.columns, true, true}, wanted);
  }
  const auto [first, second] = area.halves();
  const std::size_t depth = wanted.depth + 1;
  if (area.columns >= area.rows) {
    const PortBlock left = reduce(first, {true, wanted.top, depth, 0});
    const PortBlock right = reduce(second, {wanted.right, wanted.top, depth, 1});
    return merge_left_right(left, right, wanted);
  }
  const PortBlock top = reduce(first, {wanted.right, wanted.top, depth, 0});
  const PortBlock bottom = reduce(second, {wanted.right, true, depth, 1});
  return merge_top_bottom(top, bottom, wanted);
}

/// A leaf with its open sides eliminated.
PortBlock PortMerger::close(const PortBlock& leaf, const Wanted& wanted) {
  if (wanted.right && wanted.top) return leaf;
  PortBlock kept{nullptr, 0, leaf.rows, leaf.columns, wanted.right, wanted.top};
  const int count = leaf.ports() - kept.ports();
  const int right_to = wanted.right ? count + kept.right() : 0;
  const int top_to = wanted.top ? count + kept.top() : (wanted.right ? 0 : leaf.rows);
  const PortMatrix matrix = workspace(leaf.ports(), wanted);
  matrix.place(leaf, {{leaf.left(), count + kept.left(), leaf.rows, false},
                      {leaf.right(), right_to, leaf.rows, false},
                      {leaf.top(), top_to, leaf.columns, false},
                      {leaf.bottom(), count + kept.bottom(), leaf.columns, false}});
  return eliminate(matrix, count, kept, wanted);
}

PortBlock PortMerger::merge_left_right(const PortBlock& left, const PortBlock& right, const Wanted& wanted) {
  const int h = left.rows, w = left.columns;
  PortBlock kept{nullptr, 0, h, w + right.columns, wanted.right, wanted.top};
  const PortMatrix matrix = workspace(h + kept.ports(), wanted);
  std::vector<PortRange> from_left{{left.left(), h + kept.left(), h, false}};
  std::vector<PortRange> from_right;
  if (wanted.right) from_right.push_back({right.right(), h + kept.right(), h, false});
  if (wanted.top) {
    from_left.push_back({left.top(), h + kept.top(), w, false});
    from_right.push_back({right.top(), h + kept.top() + w, right.columns, false});
  }
  from_left.push_back({left.bottom(), h + kept.bottom(), w, false});
  from_right.push_back({right.bottom(), h + kept.bottom() + w, right.columns, false});
  matrix.separate(from_left, from_right);
  from_left.insert(from_left.begin() + 1, {left.right(), 0, h, false});
  from_right.insert(from_right.begin(), {right.left(), 0, h, true});
  matrix.place(left, from_left);
  matrix.place(right, from_right);
  return eliminate(matrix, h, kept, wanted);
}

PortBlock PortMerger::merge_top_bottom(const PortBlock& top, const PortBlock& bottom, const Wanted& wanted) {
  const int h = top.rows, w = top.columns;
  PortBlock kept{nullptr, 0, h + bottom.rows, w, wanted.right, wanted.top};
  const PortMatrix matrix = workspace(w + kept.ports(), wanted);
  std::vector<PortRange> from_top{{top.left(), w + kept.left(), h, false}};
  std::vector<PortRange> from_bottom{{bottom.left(), w + kept.left() + h, bottom.rows, false}};
  if (wanted.right) {
    from_top.push_back({top.right(), w + kept.right(), h, false});
    from_bottom.push_back({bottom.right(), w + kept.right() + h, bottom.rows, false});
  }
  if (wanted.top) from_top.push_back({top.top(), w + kept.top(), w, false});
  from_bottom.push_back({bottom.bottom(), w + kept.bottom(), w, false});
  matrix.separate(from_top, from_bottom);
  from_top.push_back({top.bottom(), 0, w, false});
  from_bottom.insert(from_bottom.end() - 1, {bottom.top(), 0, w, true});
  matrix.place(top, from_top);
  matrix.place(bottom, from_bottom);
  return eliminate(matrix, w, kept, wanted);
}

PortMatrix PortMerger::workspace(int size, const Wanted& wanted) {
  // Why 8 more: rows a multiple of 4 KiB apart would share one place in the cache.
  const std::ptrdiff_t stride = (size + 7) / 8 * 8 + 8;
  const std::size_t index = 2 * wanted.depth + wanted.slot;
  while (workspaces_.size() <= index) workspaces_.emplace_back();
  return {workspaces_[index].reserve(static_cast<std::size_t>(stride * size)), stride};
}

PortBlock PortMerger::eliminate(const PortMatrix& matrix, int count, PortBlock kept, const Wanted& wanted) {
  const bool is_last = wanted.depth == 0;
  const int wanted_rows = is_last ? kept.rows : kept.ports(), wanted_from = is_last && !want_left_ ? kept.bottom() : 0;
  double* const panels = panels_.reserve(panel_size(count, kept.ports()));
  kernels_.eliminate({count, kept.ports(), wanted_rows, wanted_from, matrix.entries, matrix.stride, panels, check_interrupt});
  kept.entries = matrix.entries + count * matrix.stride + count;
  kept.stride = matrix.stride;
  return kept;
}

}  // namespace imperfect
