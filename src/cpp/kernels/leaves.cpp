// SPDX-License-Identifier: BSD-3-Clause
//
// Leaves of up to 8×8 cells, eight side by side: lane l of every vector belongs to leaf l. Rows are added one by one, from
// the top: the chain of a word line is reduced to its two ends and the bit-line nodes it touches in closed form; the bit-line
// nodes of the row above are then eliminated together. Ports during the work: top ends, bottom ends, then left and right end
// of each row. Entries below are negated admittances, i.e. conductances >= 0 between two ports: sums of positive numbers.
#include "kernels/ports.hpp"
#include "kernels/simd_doubles.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

#if defined(__AVX512F__)
constexpr int kRowTile = 4;
#else
constexpr int kRowTile = 2;
#endif
constexpr int kColumnTile = 4;

inline Doubles plus(Doubles a, Doubles b) { return Eigen::internal::padd(a, b); }
inline Doubles times(Doubles a, Doubles b) { return Eigen::internal::pmul(a, b); }
inline Doubles times_plus(Doubles a, Doubles b, Doubles c) { return Eigen::internal::pmadd(a, b, c); }

/// A matrix with kLeafPorts columns of which one vector of lanes is at hand.
struct Lanes {
  double* data;

  double* at(int row, int column) const { return data + (row * kLeafPorts + column) * kLeafLanes; }
  Doubles get(int row, int column) const { return load(at(row, column)); }
  void set(int row, int column, Doubles v) const { store(at(row, column), v); }
  void add(int row, int column, Doubles v) const { set(row, column, plus(get(row, column), v)); }
  void clear(int rows) const {
    for (int r = 0; r < rows; ++r)
      for (int c = 0; c < kLeafPorts; ++c) set(r, c, broadcast(0.0));
  }
};

/// One vector of lanes of all leaves.
class Leaf {
 public:
  Leaf(const LeafArgs& args, int lane)
      : args_(args),
        lane_(lane),
        w_(args.columns),
        ports_{args.scratch + lane},
        nodes_{args.scratch + lane + kLeafPorts * kLeafPorts * kLeafLanes},
        square_{nodes_.data + kLeafSide * kLeafPorts * kLeafLanes},
        chain_{square_.data + kLeafSide * kLeafPorts * kLeafLanes} {}

  void reduce() {
    ports_.clear(kLeafPorts);
    for (int row = 0; row < args_.rows; ++row) {
      nodes_.clear(w_);
      square_.clear(w_);
      if (row > 0) take_bottom();
      add_chain(row);
      const Doubles below = row + 1 < args_.rows ? broadcast(args_.column_segment) : load(args_.last_segment + lane_);
      if (row == 0) {
        for (int a = 0; a < w_; ++a) ports_.set(a, w_ + a, below);
        continue;
      }
      for (int a = 0; a < w_; ++a) nodes_.set(a, w_ + a, below);
      eliminate_nodes(2 * w_ + 2 * row + 2);
    }
  }

 private:
  Doubles cell(int row, int column) const { return load(args_.cells + (row * w_ + column) * kLeafLanes + lane_); }

  /// What was connected to the bottom ends is now connected to the nodes of the next row.
  void take_bottom() {
    const Doubles zero = broadcast(0.0);
    for (int b = w_; b < 2 * w_; ++b) {
      const int node = b - w_;
      for (int t = 0; t < w_; ++t) {
        nodes_.set(node, t, ports_.get(t, b));
        ports_.set(t, b, zero);
      }
      for (int c = b + 1; c < kLeafPorts; ++c) {
        c < 2 * w_ ? square_.set(node, c - w_, ports_.get(b, c)) : nodes_.set(node, c, ports_.get(b, c));
        ports_.set(b, c, zero);
      }
      ports_.set(b, b, zero);
    }
  }

  void connect(int a, int b, bool to_ports, Doubles v) { (to_ports ? ports_ : square_).add(a, b, v); }

  /// The word line: its nodes are eliminated from left to right. chain_ row 0 holds the conductances from the node at hand
  /// to the bit lines before it, and, behind these, to the left end.
  void add_chain(int row) {
    const int left = 2 * w_ + 2 * row, right = left + 1;
    const Doubles segment = broadcast(args_.row_segment);
    const Lanes& to_node = row == 0 ? ports_ : nodes_;
    chain_.set(0, w_, load(args_.first_segment + lane_));
    for (int a = 0; a < w_; ++a) {
      chain_.set(0, a, cell(row, a));
      if (a + 1 == w_) break;
      Doubles sum = plus(segment, chain_.get(0, w_));
      for (int b = 0; b <= a; ++b) sum = plus(sum, chain_.get(0, b));
      const Doubles inverse = divide(broadcast(1.0), sum), onward = times(segment, inverse);
      const Doubles from_left = chain_.get(0, w_);
      for (int b = 0; b <= a; ++b) {
        const Doubles share = times(chain_.get(0, b), inverse);
        for (int c = b + 1; c <= a; ++c) connect(b, c, row == 0, times(share, chain_.get(0, c)));
        to_node.add(b, left, times(share, from_left));
      }
      for (int b = 0; b <= a; ++b) chain_.set(0, b, times(chain_.get(0, b), onward));
      chain_.set(0, w_, times(from_left, onward));
    }
    for (int b = 0; b < w_; ++b) to_node.add(b, right, chain_.get(0, b));
    ports_.add(left, right, chain_.get(0, w_));
  }

  /// Cholesky factorisation of the nodes' square (negated entries, so that U's are negated too) and rows of X.
  void eliminate_nodes(int active) {
    for (int a = 0; a < w_; ++a) {
      Doubles sum = broadcast(0.0);
      for (int c = 0; c < active; ++c) sum = plus(sum, nodes_.get(a, c));
      // A pivot is the sum of all that its node is still connected to.
      for (int c = a + 1; c < w_; ++c) sum = plus(sum, square_.get(a, c));
      const Doubles inverse = divide(broadcast(1.0), Eigen::internal::psqrt(sum));
      for (int c = a + 1; c < w_; ++c) square_.set(a, c, times(square_.get(a, c), inverse));
      for (int c = 0; c < active; ++c) nodes_.set(a, c, times(nodes_.get(a, c), inverse));
      for (int b = a + 1; b < w_; ++b) {
        const Doubles f = square_.get(a, b);
        for (int c = b + 1; c < w_; ++c) square_.set(b, c, times_plus(f, square_.get(a, c), square_.get(b, c)));
        for (int c = 0; c < active; ++c) nodes_.set(b, c, times_plus(f, nodes_.get(a, c), nodes_.get(b, c)));
      }
    }
    for (int x = 0; x < active; x += kRowTile)
      for (int y = x / kColumnTile * kColumnTile; y < active; y += kColumnTile) add_products(x, y);
  }

  void add_products(int x, int y) {
    Doubles sums[kRowTile][kColumnTile];
    for (int r = 0; r < kRowTile; ++r)
      for (int c = 0; c < kColumnTile; ++c) sums[r][c] = ports_.get(x + r, y + c);
    for (int a = 0; a < w_; ++a) {
      Doubles column[kColumnTile];
      for (int c = 0; c < kColumnTile; ++c) column[c] = nodes_.get(a, y + c);
      for (int r = 0; r < kRowTile; ++r) {
        const Doubles f = nodes_.get(a, x + r);
        for (int c = 0; c < kColumnTile; ++c) sums[r][c] = times_plus(f, column[c], sums[r][c]);
      }
    }
    for (int r = 0; r < kRowTile; ++r)
      for (int c = 0; c < kColumnTile; ++c) ports_.set(x + r, y + c, sums[r][c]);
  }

  const LeafArgs& args_;
  int lane_;
  int w_;
  Lanes ports_, nodes_, square_, chain_;
};

/// Where a port of the result (left, right, top, bottom) is during the work.
int place_of(const LeafArgs& args, int port) {
  const int h = args.rows, w = args.columns;
  if (port < h) return 2 * w + 2 * port;
  if (port < 2 * h) return 2 * w + 2 * (port - h) + 1;
  return port - 2 * h;
}

}  // namespace

void reduce_leaves(const LeafArgs& args) {
  for (int lane = 0; lane < kLeafLanes; lane += kDoubles) Leaf(args, lane).reduce();
  const int ports = 2 * (args.rows + args.columns);
  for (int a = 0; a < ports; ++a)
    for (int b = a + 1; b < ports; ++b) {
      const int p = place_of(args, a), q = place_of(args, b);
      const double* const from = args.scratch + ((p < q ? p : q) * kLeafPorts + (p < q ? q : p)) * kLeafLanes;
      for (int lane = 0; lane < kLeafLanes; ++lane) args.to[lane][a * kLeafPorts + b] = -from[lane];
    }
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
