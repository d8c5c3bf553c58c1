// SPDX-License-Identifier: BSD-3-Clause
//
// Elimination of ports at every SIMD level, against the textbook's formula one node at a time.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <vector>

#include "kernel_data.hpp"

using namespace imperfect;

namespace {

/// A full symmetric matrix of conductances between nodes, diagonal zero.
struct Network {
  std::size_t size;
  std::vector<double> g;

  explicit Network(std::size_t nodes) : size(nodes), g(nodes * nodes, 0.0) {}
  double& at(std::size_t a, std::size_t b) { return g[a * size + b]; }
  void connect(std::size_t a, std::size_t b, double value) {
    at(a, b) += value;
    at(b, a) += value;
  }

  /// Star-mesh transformation: conductances between all neighbours of a node in place of the node.
  void eliminate(std::size_t node) {
    double sum = 0.0;
    for (std::size_t a = 0; a < size; ++a) sum += at(node, a);
    for (std::size_t a = 0; a < size; ++a)
      for (std::size_t b = 0; b < size; ++b)
        if (a != b && a != node && b != node) at(a, b) += at(node, a) * at(node, b) / sum;
    for (std::size_t a = 0; a < size; ++a) at(node, a) = at(a, node) = 0.0;
  }
};

bool is_close(double found, double expected) { return std::abs(found - expected) <= 1e-13 * std::abs(expected); }

Network random_network(int nodes, std::uint64_t seed) {
  const auto size = static_cast<std::size_t>(nodes);
  const Data values(size * size, 3.0f, seed);
  Network network(size);
  for (std::size_t a = 0; a < size; ++a)
    for (std::size_t b = a + 1; b < size; ++b)
      if (values.data()[a * size + b] > -1.0f || b == a + 1)
        network.connect(a, b, std::exp(double{values.data()[a * size + b]}));
  return network;
}

void check_elimination(const KernelTable& kernels, int eliminated, int kept, int rows, int from) {
  Network network = random_network(eliminated + kept, 5);
  const std::size_t size = network.size, stride = size + 3, e = static_cast<std::size_t>(eliminated);
  // What is below the diagonal must not matter; what is between rows, or behind the last number, is not the kernel's.
  std::vector<double> matrix(size * stride, 77.0);
  for (std::size_t a = 0; a < size; ++a)
    for (std::size_t b = a + 1; b < size; ++b) matrix[a * stride + b] = -network.at(a, b);
  const std::size_t room = panel_size(eliminated, kept);
  AlignedBuffer<double> panels(room + 1);
  panels.data()[room] = 77.0;
  kernels.ports.eliminate({eliminated, kept, rows, from, matrix.data(), static_cast<std::ptrdiff_t>(stride), panels.data()});
  CHECK(panels.data()[room] == 77.0);
  for (std::size_t a = 0; a < size; ++a)
    for (std::size_t pad = size; pad < stride; ++pad) REQUIRE(matrix[a * stride + pad] == 77.0);
  for (std::size_t node = 0; node < e; ++node) network.eliminate(node);
  for (std::size_t a = 0; a < static_cast<std::size_t>(rows); ++a)
    for (std::size_t b = std::max(a + 1, static_cast<std::size_t>(from)); b < static_cast<std::size_t>(kept); ++b)
      REQUIRE(is_close(-matrix[(e + a) * stride + e + b], network.at(e + a, e + b)));
}

/// Nodes of one leaf: its ports in order, then all other nodes.
Network leaf_network(const LeafArgs& args, std::size_t lane) {
  const auto h = static_cast<std::size_t>(args.rows), w = static_cast<std::size_t>(args.columns);
  const std::size_t ports = 2 * (h + w);
  Network network(ports + 2 * h * w);
  const auto word = [&](std::size_t i, std::size_t j) { return j + 1 == w ? h + i : ports + i * w + j; };
  const auto bit = [&](std::size_t i, std::size_t j) { return i == 0 ? 2 * h + j : ports + (h + i) * w + j; };
  for (std::size_t i = 0; i < h; ++i)
    for (std::size_t j = 0; j < w; ++j) {
      network.connect(word(i, j), bit(i, j), args.cells[(i * w + j) * kLeafLanes + lane]);
      network.connect(j == 0 ? i : word(i, j - 1), word(i, j), j == 0 ? args.first_segment[lane] : args.row_segment);
      const bool is_last = i + 1 == h;
      network.connect(bit(i, j), is_last ? 2 * h + w + j : bit(i + 1, j),
                      is_last ? args.last_segment[lane] : args.column_segment);
    }
  for (std::size_t node = ports; node < network.size; ++node)
    for (std::size_t a = 0; a < network.size; ++a)
      if (network.at(node, a) > 0.0) {
        network.eliminate(node);
        break;
      }
  return network;
}

void check_leaves(const KernelTable& kernels, int rows, int columns) {
  constexpr std::size_t kSize = std::size_t{kLeafPorts} * kLeafPorts, kLanes = kLeafLanes;
  const Data values(kLeafSide * kLeafSide * kLanes, 2.0f, 6);
  AlignedBuffer<double> cells(values.capacity()), segments(2 * kLanes), scratch(kLeafScratch), results(kLanes * kSize);
  for (std::size_t i = 0; i < cells.capacity(); ++i)
    cells.data()[i] = values.data()[i] < -2.0f ? 0.0 : std::exp(double{values.data()[i]});
  for (std::size_t i = 0; i < 2 * kLanes; ++i) segments.data()[i] = 1.0 + static_cast<double>(i);
  LeafArgs args{rows, columns, cells.data(), 50.0, 20.0, segments.data(), segments.data() + kLanes, scratch.data(), {}};
  for (std::size_t lane = 0; lane < kLanes; ++lane) args.to[lane] = results.data() + lane * kSize;
  kernels.ports.reduce_leaves(args);
  for (std::size_t lane = 0; lane < kLanes; ++lane) {
    Network expected = leaf_network(args, lane);
    const auto ports = 2 * static_cast<std::size_t>(rows + columns);
    for (std::size_t a = 0; a < ports; ++a)
      for (std::size_t b = a + 1; b < ports; ++b) REQUIRE(is_close(-args.to[lane][a * kLeafPorts + b], expected.at(a, b)));
  }
}

}  // namespace

TEST_CASE("ports are eliminated to the last digits") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    for (const int eliminated : {1, 7, 8, 9, 31, 64})
      for (const int kept : {2, 5, 16, 24, 41, 100}) {
        check_elimination(*k, eliminated, kept, kept, 0);
        check_elimination(*k, eliminated, kept, (kept + 1) / 2, kept / 2);
      }
  }
}

TEST_CASE("leaves of every shape") {
  for (const KernelTable* k : tables()) {
    CAPTURE(k->name);
    for (int rows = 1; rows <= kLeafSide; ++rows)
      for (int columns = 1; columns <= kLeafSide; ++columns) {
        CAPTURE(rows);
        CAPTURE(columns);
        check_leaves(*k, rows, columns);
      }
  }
}
