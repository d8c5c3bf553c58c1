// SPDX-License-Identifier: BSD-3-Clause
//
// The analog part of the accelerator, without SystemC: layers on one chip, read from the file that make_accelerator.py
// writes, each with what it costs. Energies in joule, times in seconds.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include <imperfect/layer.hpp>

/// What one product of a layer with a vector costs.
struct ProductCost {
  double latency = 0.0;
  double fixed_energy = 0.0;      ///< of everything that does not depend on the input
  double word_line_energy = 0.0;  ///< of one word line that is driven at other than 0 V
  double read_energy = 0.0;       ///< of a cell at g_max, driven at full scale for the time of a read
};

/// One fully connected layer on its arrays.
struct AnalogLayer {
  imperfect::Layer arrays;
  ProductCost cost;

  std::vector<float> multiply(const std::vector<float>& x, std::uint64_t sample) const;
  /// Of the product with x: from the word lines that x drives, and the programmed conductances.
  double energy(const std::vector<float>& x) const;
};

/// Everything in the file.
struct Description {
  std::vector<AnalogLayer> layers;  ///< programmed and calibrated
  std::vector<std::vector<float>> tests;
  std::vector<int> labels;
};

/// Throws std::runtime_error if the file cannot be read or is not what it should be.
Description load(const std::string& path);

/// Negative values become 0.
void rectify(std::vector<float>& values);
