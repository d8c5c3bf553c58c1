// SPDX-License-Identifier: BSD-3-Clause
//
// The C interface: what a C caller relies on.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cmath>
#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "capi_data.hpp"
#include "imperfect/imperfect.h"
#include "imperfect/version.hpp"

TEST_CASE("create, forward, program, effective weight") {
  imperfect_options options = two_to_one();
  options.programming = IMPERFECT_LAW_GAUSSIAN;
  options.programming_sigma = 0.1;
  options.seed = 1;
  const float bias[] = {3.0f};
  Handle handle;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, bias, &handle.layer) == IMPERFECT_OK);
  float y[2], again[2], w[2];
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, y, 2) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_effective_weight(handle.layer, w, 2) == IMPERFECT_OK);
  CHECK(y[0] == doctest::Approx(w[0] + 2 * w[1] + 3.0f));
  CHECK(w[0] != 0.5f);
  REQUIRE(imperfect_layer_program(handle.layer, 2, 0) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, again, 2) == IMPERFECT_OK);
  CHECK(again[0] != y[0]);
  REQUIRE(imperfect_layer_program(handle.layer, 1, 0) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, again, 2) == IMPERFECT_OK);
  CHECK(std::memcmp(y, again, sizeof y) == 0);
}

TEST_CASE("converters left open are calibrated") {
  imperfect_options options = two_to_one();
  options.dac_bits = 8;
  options.adc_bits = 10;
  options.adc_range = IMPERFECT_ADC_CALIBRATED;
  Handle handle;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  float y[2];
  CHECK(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, y, 2) == IMPERFECT_INVALID);
  CHECK(std::string(imperfect_last_error()).find("calibrate") != std::string::npos);
  REQUIRE(imperfect_layer_calibrate(handle.layer, kInput, 2, 1, 1) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, y, 2) == IMPERFECT_OK);
  CHECK(y[0] == doctest::Approx(-1.5).epsilon(0.02));
  CHECK(std::string(imperfect_last_error()).empty());
}

TEST_CASE("a convolution tells its output size") {
  imperfect_options options;
  imperfect_default_options(&options);
  options.kernel[0] = options.kernel[1] = 3;
  options.stride[1] = 2;
  options.pad_begin[0] = options.pad_end[0] = 1;
  const std::vector<float> weight(9, 1.0f);
  Handle handle;
  REQUIRE(imperfect_layer_create(&options, weight.data(), 9, nullptr, &handle.layer) == IMPERFECT_OK);
  int32_t height = 0, width = 0;
  REQUIRE(imperfect_layer_output_size(handle.layer, 5, 8, &height, &width) == IMPERFECT_OK);
  CHECK(height == 5);
  CHECK(width == 3);
  CHECK(imperfect_layer_output_size(handle.layer, 5, 2, &height, &width) == IMPERFECT_INVALID);
}

TEST_CASE("volumes and transposed convolutions") {
  imperfect_options options;
  imperfect_default_options(&options);
  options.kernel_depth = 2;
  options.stride_depth = 2;
  const float weight[] = {1.0f, 10.0f}, x[] = {1.0f, 2.0f, 3.0f, 4.0f};
  Handle handle, transposed;
  REQUIRE(imperfect_layer_create(&options, weight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  int32_t depth = 0, height = 0, width = 0;
  REQUIRE(imperfect_layer_volume_output_size(handle.layer, 4, 1, 1, &depth, &height, &width) == IMPERFECT_OK);
  CHECK(depth == 2);
  float y[6];
  REQUIRE(imperfect_layer_calibrate_volumes(handle.layer, x, 1, 4, 1, 1) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_read_volumes(handle.layer, 0, 0, x, 1, 4, 1, 1, y, 2) == IMPERFECT_OK);
  CHECK(y[0] == 21.0f);
  CHECK(y[1] == 43.0f);
  CHECK(imperfect_layer_read_volumes(handle.layer, 0, 0, x, 1, 1, 4, 1, y, 2) == IMPERFECT_INVALID);
  options.kernel_depth = options.stride_depth = 1;
  options.kernel[1] = 2;
  options.transposed = 1;
  options.pad_begin[1] = 1;
  options.output_padding[1] = 2;
  REQUIRE(imperfect_layer_create(&options, weight, 2, nullptr, &transposed.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_output_size(transposed.layer, 1, 4, &height, &width) == IMPERFECT_OK);
  CHECK(width == 6);
  REQUIRE(imperfect_layer_forward(transposed.layer, x, 1, 1, 4, y, 6) == IMPERFECT_OK);
  CHECK(std::vector<float>(y, y + 6) == std::vector<float>{12.0f, 23.0f, 34.0f, 40.0f, 0.0f, 0.0f});
}

TEST_CASE("reads are keyed") {
  imperfect_options options = two_to_one();
  options.read_noise = IMPERFECT_LAW_GAUSSIAN;
  options.read_noise_sigma = 0.1;
  Handle handle;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  float y[2], again[2], later[2];
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, y, 2) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_read(handle.layer, 1, 0, kInput + 2, 1, 1, 1, again, 1) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_read(handle.layer, 0, 1, kInput, 2, 1, 1, later, 2) == IMPERFECT_OK);
  CHECK(again[0] == y[1]);
  CHECK(later[0] != y[0]);
}

TEST_CASE("cells drift, outputs are compensated") {
  imperfect_options options = two_to_one();
  options.drift = IMPERFECT_DRIFT_POWER;
  options.drift_nu = 0.5;
  options.drift_t0 = 1.0;
  Handle handle, later, scaled, scaled_later;
  float y[2], drifted[2];
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_at(handle.layer, 3.0, &later.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 2, 1, 1, y, 2) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(later.layer, kInput, 2, 1, 1, drifted, 2) == IMPERFECT_OK);
  CHECK(drifted[0] == doctest::Approx(y[0] / 2));  // (1 + 3)^-0.5
  options.drift_compensation = IMPERFECT_COMPENSATION_LAYER;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &scaled.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_calibrate(scaled.layer, kInput, 2, 1, 1) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_at(scaled.layer, 3.0, &scaled_later.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(scaled_later.layer, kInput, 2, 1, 1, drifted, 2) == IMPERFECT_OK);
  CHECK(drifted[0] == doctest::Approx(y[0]));
}

TEST_CASE("drift of phase-change memory and by a table") {
  const double seconds[] = {10.0, 1000.0}, g[] = {0.0, 1.0}, mean[] = {0.0, 0.8, 0.0, 0.5}, sigma[4] = {};
  imperfect_options options = two_to_one();
  options.drift = IMPERFECT_DRIFT_TABLE;
  options.drift_seconds = seconds;
  options.drift_g = g;
  options.drift_mean = mean;
  options.drift_sigma = sigma;
  options.drift_times = options.drift_points = 2;
  Handle handle, later, phase_change, aged;
  float w[2];
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_at(handle.layer, 1000.0, &later.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_effective_weight(later.layer, w, 2) == IMPERFECT_OK);
  CHECK(w[0] == doctest::Approx(0.25));
  CHECK(w[1] == doctest::Approx(-0.5));
  CHECK(imperfect_layer_at(handle.layer, 2000.0, &aged.layer) == IMPERFECT_INVALID);
  CHECK(aged.layer == nullptr);
  options.drift = IMPERFECT_DRIFT_PCM;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &phase_change.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_at(phase_change.layer, 1e6, &aged.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_effective_weight(aged.layer, w, 2) == IMPERFECT_OK);
  CHECK(w[1] > -0.9f);
  CHECK(w[1] < -0.3f);
}

TEST_CASE("bit lines are limited, inputs nonlinear") {
  imperfect_options options = two_to_one();
  options.column_current_max = 0.75;
  options.dac_range = 2.0;  // full scale: 2 is one unit of current
  Handle limited, curved;
  float y[2];
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &limited.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(limited.layer, kInput, 2, 1, 1, y, 2) == IMPERFECT_OK);
  CHECK(y[0] == doctest::Approx(2.0 * (0.25 - 0.75)));  // the line of -1 carries 1 at most
  options = two_to_one();
  const double v[] = {0.0, 0.5, 1.0}, f[] = {0.0, 0.6, 1.0};
  options.dac_bits = 2;
  options.dac_signed = 0;
  options.dac_range = 3.0;
  options.dac_curve_v = v;
  options.dac_curve_f = f;
  options.dac_curve_size = 3;
  const float x[] = {1.0f, 2.0f};
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &curved.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(curved.layer, x, 1, 1, 1, y, 1) == IMPERFECT_OK);
  const double third = 0.4, two_thirds = 0.6 + 0.4 / 3;
  CHECK(y[0] == doctest::Approx(3.0 * (0.5 * third - two_thirds)));
}

TEST_CASE("converters have errors") {
  const double code[] = {0.0, 15.0}, error[] = {2.0, 2.0};
  imperfect_options options = two_to_one();
  options.dac_range = 2.0;
  options.dac_signed = 1;
  options.adc_bits = 4;
  options.adc_range = IMPERFECT_ADC_EXPLICIT;
  options.adc_low = -0.7;
  options.adc_high = 0.8;
  const auto output = [&](float* y) {
    Handle handle;
    REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
    REQUIRE(imperfect_layer_read(handle.layer, 0, 0, kInput + 2, 1, 1, 1, y, 1) == IMPERFECT_OK);
    return *y;
  };
  float y = 0.0f;
  const float exact = output(&y);  // -0.25 - 0.25 = -0.5: code 2
  CHECK(exact == doctest::Approx(-1.0));
  options.adc_inl_code = code;
  options.adc_inl_error = error;
  options.adc_inl_size = 2;
  CHECK(output(&y) == doctest::Approx(-0.6));  // two codes of 0.1 above, times full scale
  options.adc_inl_size = 0;
  for (double* const sigma : {&options.adc_gain_sigma, &options.adc_offset_sigma, &options.adc_noise}) {
    *sigma = 5.0;
    bool differs = false;
    for (options.seed = 0; options.seed < 8; ++options.seed) differs = differs || output(&y) != exact;
    CHECK(differs);
    *sigma = 0.0;
  }
}

TEST_CASE("arrays have wires, read noise passes them") {
  imperfect_options options = two_to_one();
  options.g_max = 1e-4;
  options.r_driver = 1e3;  // in series with two cells of 0.5e-4 and 0, then with 0 and 1e-4: other word lines are at ground
  options.seed = 1;
  const auto output = [&](std::uint64_t read) {
    Handle handle;
    float y[1];
    REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
    REQUIRE(imperfect_layer_read(handle.layer, 0, read, kInput, 1, 1, 1, y, 1) == IMPERFECT_OK);
    return static_cast<double>(*y);
  };
  const double half = 0.5 / (1 + 1e3 * 0.5e-4), one = 1.0 / (1 + 1e3 * 1e-4);
  CHECK(output(0) == doctest::Approx(half - 2 * one));
  options.r_row = 100.0;  // the segment before the only cell of each word line
  CHECK(output(0) == doctest::Approx(0.5 / (1 + 1.1e3 * 0.5e-4) - 2 / (1 + 1.1e3 * 1e-4)));
  // Interleaved, the segment before the cell of the other polarity is in series too where that comes first.
  options.interleaved = 1;
  CHECK(output(0) == doctest::Approx(0.5 / (1 + 1.1e3 * 0.5e-4) - 2 / (1 + 1.2e3 * 1e-4)));
  options.corner = IMPERFECT_CORNER_RIGHT_TOP;
  CHECK(output(0) == doctest::Approx(0.5 / (1 + 1.2e3 * 0.5e-4) - 2 / (1 + 1.1e3 * 1e-4)));
  options.read_noise = IMPERFECT_LAW_GAUSSIAN;
  options.read_noise_sigma = 0.1;
  CHECK(output(0) != output(1));
}

TEST_CASE("word lines without input disconnect their cells") {
  imperfect_options options = two_to_one();
  options.g_max = 1e-4;
  options.r_sense = 1e4;
  const float weight[] = {0.5f, 1.0f}, x[] = {0.0f, 1.0f};
  for (const int gated : {0, 1}) {
    options.gated = gated;
    Handle handle;
    float y[1];
    REQUIRE(imperfect_layer_create(&options, weight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
    REQUIRE(imperfect_layer_forward(handle.layer, x, 1, 1, 1, y, 1) == IMPERFECT_OK);
    CHECK(double{*y} == doctest::Approx(1.0 / (1.0 + 1e4 * (gated == 1 ? 1e-4 : 1.5e-4))));
  }
}

TEST_CASE("cells are nonlinear") {
  const double g[] = {1e-5, 1e-4}, a2[] = {0.0, 0.0}, a3[] = {1e-5, 1e-4};
  imperfect_options options = two_to_one();
  options.g_max = 1e-4;
  options.v_read = 0.5;
  options.dac_range = 2.0;
  options.curve_g = g;
  options.curve_a2 = a2;
  options.curve_a3 = a3;
  options.curve_size = 2;
  Handle handle;
  float y[1];
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  REQUIRE(imperfect_layer_forward(handle.layer, kInput, 1, 1, 1, y, 1) == IMPERFECT_OK);
  // a3 = G, so a cell at v_read·v carries G v_read (v + v_read² v³); the inputs are half of full scale, and full scale.
  const double half = 0.5 + 0.25 * 0.125, full = 1.0 + 0.25;
  CHECK(y[0] == doctest::Approx(2.0 * (0.5 * half - full)));
}

TEST_CASE("each thread has its own error text") {
  imperfect_layer_program(nullptr, 0, 0);
  std::string other = "unset";
  std::thread([&] { other = imperfect_last_error(); }).join();
  CHECK(other.empty());
  CHECK_FALSE(std::string(imperfect_last_error()).empty());
}

TEST_CASE("version and level") {
  CHECK(std::string(imperfect_version()) == IMPERFECT_VERSION);
  CHECK_FALSE(std::string(imperfect_simd_level()).empty());
}
