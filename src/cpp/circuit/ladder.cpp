// SPDX-License-Identifier: BSD-3-Clause
//
// One bit line: node i sees its cell g_i, the conductance `up` of everything above and `down` of everything below it. A
// voltage of node i is lower at each node further down, by a factor that depends on what lies below only.
#include "circuit/ladder.hpp"

#include <algorithm>

#include "base/aligned.hpp"
#include "base/interrupt.hpp"

namespace imperfect {
namespace {

class BitLine {
 public:
  BitLine(int rows, const LadderWires& wires)
      : wires_(wires), n_(static_cast<std::size_t>(rows)), g_(n_), up_(n_), down_(n_), step_(n_), to_end_(n_) {}

  void load(const double* g, std::ptrdiff_t stride) {
    for (std::size_t i = 0; i < n_; ++i) g_[i] = g[static_cast<std::ptrdiff_t>(i) * stride];
    up_[0] = 0.0;
    for (std::size_t i = 1; i < n_; ++i) up_[i] = (g_[i - 1] + up_[i - 1]) / (1.0 + wires_.column * (g_[i - 1] + up_[i - 1]));
    down_[n_ - 1] = 1.0 / wires_.sense;
    to_end_[n_ - 1] = 1.0;
    for (std::size_t i = n_ - 1; i > 0; --i) {
      step_[i] = 1.0 / (1.0 + wires_.column * (g_[i] + down_[i]));
      down_[i - 1] = (g_[i] + down_[i]) * step_[i];
      to_end_[i - 1] = to_end_[i] * step_[i];
    }
  }

  /// Adds the admittances between each word line and the end of this bit line, and those between word lines if `want_pairs`,
  /// to a matrix of ports.
  void add_to(double* entries, std::size_t stride, std::size_t end, bool want_pairs) const {
    for (std::size_t i = 0; i < n_; ++i) {
      double voltage = g_[i] / (g_[i] + up_[i] + down_[i]);  // at node i, for one volt on word line i
      entries[i * stride + end] -= voltage * to_end_[i] / wires_.sense;
      for (std::size_t k = i + 1; want_pairs && k < n_; ++k) {
        voltage *= step_[k];
        entries[i * stride + k] -= voltage * g_[k];
      }
    }
  }

 private:
  LadderWires wires_;
  std::size_t n_;
  std::vector<double> g_, up_, down_;
  std::vector<double> step_;    ///< voltage of a node over that of the node before it, driven from above
  std::vector<double> to_end_;  ///< voltage of the last node over that of a node
};

/// Word-line nodes behind their drivers, eliminated.
std::vector<double> behind_drivers(const PortKernels& kernels, const std::vector<double>& nodes, int rows, int columns,
                                   double driver) {
  const auto m = static_cast<std::size_t>(rows), ports = m + static_cast<std::size_t>(columns), size = m + ports;
  std::vector<double> all(size * size, 0.0), kept(ports * ports, 0.0);
  for (std::size_t i = 0; i < m; ++i) {
    const double* const row = nodes.data() + i * ports;
    std::copy_n(row, m, all.data() + i * size);
    std::copy_n(row + m, ports - m, all.data() + i * size + 2 * m);
    all[i * size + m + i] = -1.0 / driver;
  }
  AlignedBuffer<double> panels(panel_size(rows, rows + columns));
  kernels.eliminate({rows, rows + columns, rows + columns, 0, all.data(), static_cast<std::ptrdiff_t>(size), panels.data(),
                     check_interrupt});
  for (std::size_t i = 0; i < ports; ++i) std::copy_n(all.data() + (m + i) * size + m, ports, kept.data() + i * ports);
  return kept;
}

}  // namespace

std::vector<double> ladder_admittances(const PortKernels& kernels, const double* g, int rows, int columns,
                                       const LadderWires& wires, bool want_all) {
  const auto m = static_cast<std::size_t>(rows), ports = m + static_cast<std::size_t>(columns);
  const bool has_driver = wires.driver > 0.0;
  std::vector<double> entries(ports * ports, 0.0);
  BitLine line(rows, wires);
  for (int j = 0; j < columns; ++j) {
    check_interrupt(static_cast<double>(rows) * rows);
    line.load(g + j, columns);
    line.add_to(entries.data(), ports, m + static_cast<std::size_t>(j), want_all || has_driver);
  }
  return has_driver ? behind_drivers(kernels, entries, rows, columns, wires.driver) : entries;
}

}  // namespace imperfect
