// SPDX-License-Identifier: BSD-3-Clause
//
// The C interface: every way to misuse it must be a status and a text.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <cstddef>
#include <cstring>
#include <string>
#include <vector>

#include "capi_data.hpp"
#include "imperfect/imperfect.h"

TEST_CASE("misuse is a status and a text, never a crash") {
  imperfect_layer* layer = nullptr;
  imperfect_options options = two_to_one();
  float y[1];
  CHECK(imperfect_layer_create(nullptr, kWeight, 2, nullptr, &layer) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_create(&options, nullptr, 2, nullptr, &layer) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_create(&options, kWeight, 2, nullptr, nullptr) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_create(&options, kWeight, 1, nullptr, &layer) == IMPERFECT_INVALID);
  CHECK(std::string(imperfect_last_error()).find("weight has 1 values") != std::string::npos);
  CHECK(layer == nullptr);
  const auto refused = [&](auto change) {
    imperfect_options bad = two_to_one();
    change(bad);
    CHECK(imperfect_layer_create(&bad, kWeight, 2, nullptr, &layer) == IMPERFECT_INVALID);
    CHECK(std::strlen(imperfect_last_error()) > 10);
  };
  refused([](imperfect_options& o) { o.struct_size = 8; });
  refused([](imperfect_options& o) { o.weight_bits = -3; });
  refused([](imperfect_options& o) { o.out_channels = -1; });
  refused([](imperfect_options& o) { o.programming = 99; });
  refused([](imperfect_options& o) { o.programming = IMPERFECT_LAW_TABLE; });
  refused([](imperfect_options& o) { o.adc_range = 99; });
  refused([](imperfect_options& o) { o.adc_range = IMPERFECT_ADC_EXPLICIT; });
  refused([](imperfect_options& o) { o.weight_range = 1.0, o.weight_percentile = 99.0; });
  refused([](imperfect_options& o) { o.scheme = -1; });
  refused([](imperfect_options& o) { o.partition = 2; });
  refused([](imperfect_options& o) { o.num_threads = -1; });
  refused([](imperfect_options& o) { o.p_stuck_on = 1.5; });
  refused([](imperfect_options& o) { o.read_noise = IMPERFECT_LAW_TABLE; });
  refused([](imperfect_options& o) { o.read_noise = IMPERFECT_LAW_GAUSSIAN, o.read_noise_sigma = -1.0; });
  refused([](imperfect_options& o) { o.drift = 99; });
  refused([](imperfect_options& o) { o.drift = IMPERFECT_DRIFT_POWER, o.drift_t0 = 0.0; });
  refused([](imperfect_options& o) { o.drift = IMPERFECT_DRIFT_POWER, o.drift_nu_sigma = -1.0; });
  refused([](imperfect_options& o) { o.drift = IMPERFECT_DRIFT_POWER, o.drift_nu = std::nan(""); });
  refused([](imperfect_options& o) { o.drift = IMPERFECT_DRIFT_TABLE; });
  static const double numbers[] = {1.0, 2.0, -3.0, 4.0};
  const auto table = [](imperfect_options& o) {
    o.drift = IMPERFECT_DRIFT_TABLE;
    o.drift_seconds = o.drift_g = o.drift_mean = o.drift_sigma = numbers;
  };
  refused([&](imperfect_options& o) { table(o); });
  refused([&](imperfect_options& o) { table(o), o.drift_times = 1, o.drift_points = 1; });
  refused([&](imperfect_options& o) { table(o), o.drift_times = 1, o.drift_points = 3; });
  refused([](imperfect_options& o) { o.drift_compensation = 3; });
  refused([](imperfect_options& o) { o.column_current_max = -1.0; });
  refused([](imperfect_options& o) { o.adc_gain_sigma = 0.1; });
  refused([](imperfect_options& o) { o.adc_bits = 8, o.adc_offset_sigma = -0.1; });
  refused([](imperfect_options& o) { o.adc_bits = 8, o.adc_noise = std::nan(""); });
  refused([](imperfect_options& o) { o.adc_bits = 8, o.adc_inl_size = 2; });
  refused([](imperfect_options& o) { o.adc_bits = 8, o.adc_tie_slices = 1; });
  refused([](imperfect_options& o) { o.dac_bits = 8, o.dac_curve_size = 2; });
  const auto wired = [](imperfect_options& o) { o.g_max = 1e-4, o.r_row = 1.0; };
  refused([](imperfect_options& o) { o.r_row = 1.0; });
  refused([](imperfect_options& o) { o.g_max = -1e-4; });
  refused([&](imperfect_options& o) { wired(o), o.r_col = -1.0; });
  refused([&](imperfect_options& o) { wired(o), o.r_driver = std::nan(""); });
  refused([&](imperfect_options& o) { wired(o), o.r_sense = INFINITY; });
  refused([&](imperfect_options& o) { wired(o), o.corner = 4; });
  refused([](imperfect_options& o) { o.v_read = -0.1; });
  const auto curved = [](imperfect_options& o) {
    o.g_max = 1e-4, o.v_read = 0.2;
    o.curve_g = o.curve_a2 = o.curve_a3 = numbers;
    o.curve_size = 2;
  };
  refused([&](imperfect_options& o) { curved(o), o.curve_a3 = nullptr; });
  refused([&](imperfect_options& o) { curved(o), o.curve_size = 3; });
  refused([&](imperfect_options& o) { curved(o), o.v_read = 0.0; });
  refused([&](imperfect_options& o) { curved(o), o.g_max = 0.0; });
  CHECK(imperfect_layer_at(nullptr, 1.0, &layer) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_forward(nullptr, kInput, 1, 1, 1, y, 1) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_program(nullptr, 0, 0) == IMPERFECT_INVALID);
  Handle handle;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  CHECK(imperfect_layer_forward(handle.layer, kInput, 1, 0, 1, y, 1) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_forward(handle.layer, kInput, 1, 1, 1, y, 7) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_effective_weight(handle.layer, y, 1) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_at(handle.layer, -1.0, &layer) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_at(handle.layer, 1.0, nullptr) == IMPERFECT_INVALID);
  CHECK(layer == nullptr);
  imperfect_default_options(nullptr);
  imperfect_layer_free(nullptr);
}

TEST_CASE("options of another size") {
  imperfect_layer* layer = nullptr;
  imperfect_options options = two_to_one();
  for (const std::size_t size : {std::size_t{0}, offsetof(imperfect_options, output_padding_depth), sizeof options + 8}) {
    options.struct_size = size;
    CHECK(imperfect_layer_create(&options, kWeight, 2, nullptr, &layer) == IMPERFECT_INVALID);
    CHECK(std::string(imperfect_last_error()).find("options.struct_size") == 0);
  }
  // A caller that knows fewer fields has no memory for the others: nothing is written there.
  std::vector<unsigned char> memory(sizeof options, 0xAB);
  imperfect_init_options(reinterpret_cast<imperfect_options*>(memory.data()), 64);
  CHECK(memory[63] != 0xAB);
  CHECK(memory[64] == 0xAB);
  memory.assign(memory.size(), 0xAB);
  imperfect_init_options(reinterpret_cast<imperfect_options*>(memory.data()), 4);
  CHECK(memory[0] == 0xAB);
  // One that knows more finds its own fields zero.
  std::vector<unsigned char> larger(sizeof options + 16, 0xAB);
  imperfect_init_options(reinterpret_cast<imperfect_options*>(larger.data()), larger.size());
  std::memcpy(&options, larger.data(), sizeof options);
  CHECK(options.struct_size == larger.size());
  CHECK(options.drift_t0 == 20.0);
  CHECK(larger.back() == 0);
}
