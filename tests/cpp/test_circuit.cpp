// SPDX-License-Identifier: BSD-3-Clause
//
// Input and output codes, and range searches.
#define DOCTEST_CONFIG_IMPLEMENT_WITH_MAIN
#include <doctest/doctest.h>

#include <algorithm>
#include <cmath>

#include "circuit/adc.hpp"
#include "circuit/adc_errors.hpp"
#include "circuit/dac.hpp"
#include "circuit/line_share.hpp"
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

TEST_CASE("nonlinearity of converters: end points are fitted, a perfect one has none") {
  using Kind = Inl::Kind;
  std::vector<float> z(300);
  for (std::size_t i = 0; i < z.size(); ++i) z[i] = std::sin(static_cast<float>(3 * i + 1));
  for (const Inl& law : {Inl{Kind::kRamp, {0.1}}, Inl{Kind::kSar, {0.1}}}) {
    const std::vector<float> errors = inl_errors(law, 8, 255, z.data());
    REQUIRE(errors.size() == 255);
    CHECK(errors.front() == 0.0f);
    CHECK(std::abs(errors.back()) < 1e-4f);
    CHECK(*std::max_element(errors.begin(), errors.end()) > 0.01f);
  }
  for (const Inl& law : {Inl{Kind::kRamp, {0.0}}, Inl{Kind::kSar, {0.0}}, Inl{Kind::kPipeline, {3, 0.0}}})
    for (const float error : inl_errors(law, 8, 256, z.data())) REQUIRE(std::abs(error) < 1e-6f);
  CHECK(num_inl_draws({Kind::kPipeline, {3, 0.1}}, 8, 256) == 16);  // two stages of 7 comparators and a gain, 2 bits left
  const Inl table{Kind::kTable, {2, 4, 1.0, -1.0}};
  CHECK(inl_errors(table, 3, 7, nullptr) == std::vector<float>{1, 1, 1, 0, -1, -1, -1});
}

TEST_CASE("what nonlinear input converters drive") {
  Dac dac;
  dac.bits = 5;
  dac.slice_bits = 2;
  dac.nonlinearity = {{0.0, 0.0}, {0.5, 0.4}, {1.0, 1.1}};
  const InputCode apart = make_input_code(dac, 1.0, true);
  const std::vector<float> digits = driven_digits(dac, apart);
  REQUIRE(digits.size() == 4);
  const double expected[] = {0.0, 3 * 0.8 / 3, 3 * (0.4 + 0.7 / 3), 3.3};
  for (std::size_t u = 0; u < 4; ++u) CHECK(digits[u] == doctest::Approx(expected[u]));
  CHECK(driven_numbers(apart, digits) == digits);
  dac.accumulate = Accumulate::kAnalog;
  const std::vector<float> numbers = driven_numbers(make_input_code(dac, 1.0, true), digits);
  REQUIRE(numbers.size() == 16);
  CHECK(numbers[14] == doctest::Approx(expected[2] + 4 * expected[3]));
  CHECK(make_input_code(dac, 1.0, true, true).num_cycles == 2);
}

TEST_CASE("range searches") {
  const ValueSample values = sample_of({-1.0f, 0.5f, 2.0f, 0.0f});
  CHECK(find_full_scale(values, {RangeMethod::Kind::kMax, 100.0}, 127.0, true) == 2.0);
  const Range bipolar = find_output_range(values, {RangeMethod::Kind::kPercentile, 100.0}, 8, RangeForm::kSymmetric);
  CHECK(bipolar.low == -2.0);
  CHECK(bipolar.high == 2.0);
  const Range unipolar = find_output_range(values, {RangeMethod::Kind::kPercentile, 100.0}, 8, RangeForm::kFree);
  CHECK(unipolar.low == -1.0);
  CHECK(unipolar.high == 2.0);
  const ValueSample zeros = sample_of({0.0f, 0.0f});
  CHECK(find_full_scale(zeros, {}, 127.0, true) == 1.0);
  CHECK(find_output_range(zeros, {RangeMethod::Kind::kMse, 100.0}, 8, RangeForm::kSymmetric).high == 1.0);
  CHECK(find_output_range(zeros, {RangeMethod::Kind::kMse, 100.0}, 8, RangeForm::kFree).high == 1.0);
}

TEST_CASE("range searches: percentiles leave out, least squares weigh, equal currents make no range") {
  std::vector<float> most(10000, 0.05f);
  most.push_back(1.0f);  // so rare that it is better clipped: the best range is the smallest that is tried
  const RangeMethod best{RangeMethod::Kind::kMse, 100.0}, half{RangeMethod::Kind::kPercentile, 50.0};
  CHECK(find_output_range(sample_of(most), best, 2, RangeForm::kSymmetric).high == doctest::Approx(0.05));
  CHECK(find_output_range(sample_of(most), half, 2, RangeForm::kSymmetric).high == doctest::Approx(0.05));
  CHECK(find_full_scale(sample_of(most), half, 127.0, true) == doctest::Approx(0.05));
  const ValueSample ten = sample_of({0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10});
  const RangeMethod inner{RangeMethod::Kind::kPercentile, 90.0};
  CHECK(find_full_scale(ten, inner, 127.0, true) == 9.0);
  CHECK(find_full_scale(ten, best, 10.0, true) == 10.0);
  CHECK(find_output_range(ten, inner, 8, RangeForm::kFromZero).high == 9.0);
  CHECK(find_output_range(ten, inner, 8, RangeForm::kFree).low == 1.0);
  CHECK(find_output_range(ten, inner, 8, RangeForm::kFree).high == 9.0);
  const Range equal = find_output_range(sample_of({4.0f, 4.000001f}), best, 8, RangeForm::kFree);
  CHECK(equal.low == 0.0);
  CHECK(equal.high == doctest::Approx(4.0));
  CHECK(find_output_range(sample_of({0.0f, 5e-10f}), best, 8, RangeForm::kFree).high == 1.0);
}

TEST_CASE("tied ranges are powers of two of the smallest that has currents") {
  const ValueSample values = sample_of({-1.0f, 0.5f, 3.0f, 0.0f});
  const RangeMethod all{RangeMethod::Kind::kPercentile, 100.0};
  CHECK(find_output_range(values, all, 8, RangeForm::kFromZero).low == 0.0);
  CHECK(find_output_range(values, all, 8, RangeForm::kFromZero).high == 3.0);
  CHECK(find_output_range(values, {RangeMethod::Kind::kMse, 100.0}, 1, RangeForm::kFromZero).high == doctest::Approx(3.0));
  CHECK_FALSE(is_idle(values, RangeForm::kFromZero));
  CHECK(is_idle(sample_of({-1.0f, 0.0f}), RangeForm::kFromZero));
  std::vector<Range> ranges = {{-3.0, 3.0}, {-1.0, 1.0}, {-4.001, 4.001}, {-4.1, 4.1}, {-0.01, 0.01}};
  tie_ranges({false, false, false, false, true}, ranges);
  const double expected[] = {4.0, 1.0, 4.0, 8.0, 1.0};
  for (std::size_t i = 0; i < ranges.size(); ++i) {
    CHECK(ranges[i].high == expected[i]);
    CHECK(ranges[i].low == -expected[i]);
  }
  std::vector<Range> from_zero = {{0.0, 3.0}, {0.0, 1.0}};
  tie_ranges({false, false}, from_zero);
  CHECK(from_zero[0].low == 0.0);
  CHECK(from_zero[0].high == 4.0);
  std::vector<Range> unused = {{0.0, 1.0}};
  tie_ranges({true}, unused);
  CHECK(unused[0].high == 1.0);
}

TEST_CASE("a sample keeps the extremes of everything and a bounded number of values") {
  ValueSample sample(1u << 22);
  for (std::uint64_t i = 0; i < (1u << 22); ++i) sample.offer(static_cast<float>(i), i);
  CHECK(sample.largest() == (1u << 22) - 1);
  CHECK(sample.kept().size() > ValueSample::kMaxKept * 9 / 10);
  CHECK(sample.kept().size() < ValueSample::kMaxKept * 11 / 10);
  std::vector<float> expected;  // every position alone decides, by SplitMix64
  for (std::uint64_t i = 0; i < 10000; ++i) {
    std::uint64_t x = i + 0x9E3779B97F4A7C15u;
    x = (x ^ x >> 30) * 0xBF58476D1CE4E5B9u;
    x = (x ^ x >> 27) * 0x94D049BB133111EBu;
    if ((x ^ x >> 31) <= UINT64_MAX / (1u << 22) * ValueSample::kMaxKept) expected.push_back(static_cast<float>(i));
  }
  REQUIRE(expected.size() > 100);
  CHECK(std::equal(expected.begin(), expected.end(), sample.kept().begin()));
}

TEST_CASE("shares of cells are voltages of ladders, from each corner") {
  const double g[] = {0.5, 0.25}, swapped[] = {0.25, 0.5};
  const Wires base{0.1, 0.05, 0.2, 0.3};
  // A word line of two cells, then two bit lines of one.
  const double near = 1.0 / (1.0 + 0.3 * (0.5 + 0.25 / 1.025)), far = near / 1.025;
  const double expected[] = {near / (1.0 + 0.35 * 0.5), far / (1.0 + 0.35 * 0.25)};
  // The same cells on one bit line, each on a word line of its own.
  const double below = 1.0 / (1.0 + 0.35 * (0.5 + 0.25 / 1.0125)), above = below / 1.0125;
  const double upright[] = {below / (1.0 + 0.3 * 0.5), above / (1.0 + 0.3 * 0.25)};
  for (const Corner corner : {Corner::kLeftBottom, Corner::kLeftTop, Corner::kRightBottom, Corner::kRightTop}) {
    Wires wires = base;
    wires.corner = corner;
    const bool left = corner == Corner::kLeftBottom || corner == Corner::kLeftTop;
    const bool top = corner == Corner::kLeftTop || corner == Corner::kRightTop;
    double shares[2];
    line_shares(left ? g : swapped, 1, 2, wires, shares);
    for (std::size_t i = 0; i < 2; ++i) CHECK(shares[left ? i : 1 - i] == doctest::Approx(expected[i]));
    line_shares(top ? g : swapped, 2, 1, wires, shares);
    for (std::size_t i = 0; i < 2; ++i) CHECK(shares[top ? i : 1 - i] == doctest::Approx(upright[i]));
  }
}
