// SPDX-License-Identifier: BSD-3-Clause
//
// Input and output codes, and range searches.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include "circuit/adc.hpp"
#include "circuit/dac.hpp"
#include "circuit/range_search.hpp"

using namespace imperfect;

namespace {

ValueSample sample_of(const std::vector<float>& values) {
  ValueSample sample(values.size());
  for (std::size_t i = 0; i < values.size(); ++i) sample.offer(values[i], i);
  return sample;
}

}  // namespace

TEST_CASE("input codes") {
  Dac dac;
  CHECK(make_input_code(dac, 1.0, true).top_number() == 1.0);
  dac.bits = 8;
  dac.slice_bits = 3;
  const InputCode code = make_input_code(dac, 1.0, true);
  CHECK(code.magnitude_bits == 7);
  CHECK(code.num_cycles == 3);
  CHECK(code.bits(2) == 1);
  CHECK(code.cycle_weight(2) == 64.0);
  CHECK(code.top_digit() == 7.0);
  CHECK(make_input_code(dac, 1.0, false).magnitude_bits == 8);
  dac.accumulate = Accumulate::kAnalog;
  CHECK(make_input_code(dac, 1.0, true).num_cycles == 1);
  dac.bits = 1;
  CHECK_THROWS_AS(make_input_code(dac, 1.0, true), std::invalid_argument);
}

TEST_CASE("zero is a level of a symmetric converter") {
  const OutputCode symmetric = make_output_code(8, {-2.0, 2.0});
  CHECK(symmetric.num_codes == 255);
  CHECK(symmetric.low + 127 * symmetric.lsb == doctest::Approx(0.0));
  CHECK(make_output_code(8, {0.0, 2.0}).num_codes == 256);
  CHECK_THROWS_AS(make_output_code(1, {-1.0, 1.0}), std::invalid_argument);
}

TEST_CASE("a lossless converter refuses too few bits and says how many it needs") {
  CHECK(make_lossless_code(5, true, 1.0, 15.0, 15).num_codes == 31);
  CHECK(make_lossless_code(4, false, 0.5, 7.5, 15).num_codes == 16);
  CHECK_THROWS_WITH_AS(make_lossless_code(5, true, 1.0, 16.0, 16), doctest::Contains("needs 6 bits"), std::invalid_argument);
  CHECK_THROWS_WITH_AS(make_lossless_code(4, false, 0.5, 8.0, 16), doctest::Contains("needs 5 bits"), std::invalid_argument);
}

TEST_CASE("range searches") {
  const ValueSample values = sample_of({-1.0f, 0.5f, 2.0f, 0.0f});
  CHECK(find_full_scale(values, {RangeMethod::Kind::kMax, 100.0}, 127.0, true) == 2.0);
  const Range bipolar = find_output_range(values, {RangeMethod::Kind::kPercentile, 100.0}, 8, true);
  CHECK(bipolar.low == -2.0);
  CHECK(bipolar.high == 2.0);
  const Range unipolar = find_output_range(values, {RangeMethod::Kind::kPercentile, 100.0}, 8, false);
  CHECK(unipolar.low == -1.0);
  CHECK(unipolar.high == 2.0);
  const ValueSample zeros = sample_of({0.0f, 0.0f});
  CHECK(find_full_scale(zeros, {}, 127.0, true) == 1.0);
  CHECK(find_output_range(zeros, {RangeMethod::Kind::kMse, 100.0}, 8, true).high == 1.0);
  CHECK(find_output_range(zeros, {RangeMethod::Kind::kMse, 100.0}, 8, false).high == 1.0);
}

TEST_CASE("a sample keeps the extremes of everything and a bounded number of values") {
  ValueSample sample(1u << 22);
  for (std::uint64_t i = 0; i < (1u << 22); ++i) sample.offer(static_cast<float>(i), i);
  CHECK(sample.largest() == (1u << 22) - 1);
  CHECK(sample.kept().size() > ValueSample::kMaxKept * 9 / 10);
  CHECK(sample.kept().size() < ValueSample::kMaxKept * 11 / 10);
}
