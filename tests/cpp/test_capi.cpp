// SPDX-License-Identifier: BSD-3-Clause
//
// The C interface: what a C caller relies on, and every way to misuse it that must not crash.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <cstring>
#include <string>
#include <thread>
#include <vector>

#include "imperfect/imperfect.h"
#include "imperfect/version.hpp"

namespace {

imperfect_options two_to_one() {
  imperfect_options options;
  imperfect_default_options(&options);
  options.in_channels = 2;
  return options;
}

struct Handle {
  imperfect_layer* layer = nullptr;
  ~Handle() { imperfect_layer_free(layer); }
};

const float kWeight[] = {0.5f, -1.0f};
const float kInput[] = {1.0f, 2.0f, -1.0f, 0.5f};

}  // namespace

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
  CHECK(imperfect_layer_forward(nullptr, kInput, 1, 1, 1, y, 1) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_program(nullptr, 0, 0) == IMPERFECT_INVALID);
  Handle handle;
  REQUIRE(imperfect_layer_create(&options, kWeight, 2, nullptr, &handle.layer) == IMPERFECT_OK);
  CHECK(imperfect_layer_forward(handle.layer, kInput, 1, 0, 1, y, 1) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_forward(handle.layer, kInput, 1, 1, 1, y, 7) == IMPERFECT_INVALID);
  CHECK(imperfect_layer_effective_weight(handle.layer, y, 1) == IMPERFECT_INVALID);
  imperfect_default_options(nullptr);
  imperfect_layer_free(nullptr);
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
