// SPDX-License-Identifier: BSD-3-Clause
//
// Makes numbers of the bytes of one fuzzing input, from the front; behind the end there are only zeros. Most numbers are
// of a size that makes sense, some are anything, so that checks are passed as well as met.
#pragma once

#include <cstddef>
#include <cstdint>
#include <cstdio>
#include <cstdlib>
#include <cstring>
#include <limits>
#include <vector>

namespace fuzz {

/// Stops the run, which is how a fuzzer learns of a defect.
inline void expect(bool ok, const char* what, const char* detail = "") {
  if (ok) return;
  std::fprintf(stderr, "does not hold: %s %s\n", what, detail);
  std::abort();
}

class Bytes {
 public:
  Bytes(const std::uint8_t* data, std::size_t size) : at_(data), end_(data + size) {}

  bool empty() const { return at_ == end_; }
  std::uint8_t byte() { return empty() ? std::uint8_t{0} : *at_++; }

  template <class T>
  T raw() {
    std::uint8_t bytes[sizeof(T)];
    for (std::uint8_t& b : bytes) b = byte();
    T value;
    std::memcpy(&value, bytes, sizeof value);
    return value;
  }

  /// From low to high; one time in sixteen any integer.
  std::int32_t integer(std::int32_t low, std::int32_t high) {
    const std::uint8_t choice = byte();
    if (choice >= 240) return raw<std::int32_t>();
    return low + choice % (high - low + 1);
  }

  /// From 0 to high; one time in sixteen what no padding is. Anything else would be lawful, and take gigabytes.
  std::int32_t padding(std::int32_t high) {
    const std::int32_t value = integer(0, high);
    if (value >= 0 && value <= high) return value;
    return value > 0 ? std::numeric_limits<std::int32_t>::max() : value;
  }

  /// A few everyday numbers, odd ones, and one time in sixteen any number.
  double number() {
    constexpr double kNumbers[] = {0.0,
                                   0.02,
                                   0.1,
                                   0.3,
                                   0.5,
                                   1.0,
                                   2.0,
                                   4.0,
                                   10.0,
                                   25e-6,
                                   1e-6,
                                   60.0,
                                   99.9,
                                   100.0,
                                   3e38,
                                   1e-300,
                                   -0.25,
                                   -1e-30,
                                   0x1p-8,
                                   1e300,
                                   1e9,
                                   std::numeric_limits<double>::infinity(),
                                   std::numeric_limits<double>::quiet_NaN()};
    const std::uint8_t choice = byte();
    if (choice >= 240) return raw<double>();
    if (choice >= 128) return (choice - 128) / 64.0;
    return kNumbers[choice % (sizeof kNumbers / sizeof *kNumbers)];
  }

  /// Up to 8 numbers, increasing from a first to a last one or as they come.
  std::vector<double> numbers() {
    const std::uint8_t choice = byte();
    std::vector<double> values(choice % 9u);
    const bool increase = choice < 128 && values.size() > 1;
    for (std::size_t i = 0; i < values.size(); ++i)
      values[i] = increase ? static_cast<double>(i) / static_cast<double>(values.size() - 1) : number();
    return values;
  }

  /// `count` values, most of them small; what is not finite comes one time in 256.
  std::vector<float> floats(std::size_t count) {
    std::vector<float> values(count);
    for (float& value : values) {
      const std::uint8_t choice = byte();
      value = choice == 255 ? raw<float>() : static_cast<float>(static_cast<std::int8_t>(choice)) / 64.0f;
    }
    return values;
  }

 private:
  const std::uint8_t* at_;
  const std::uint8_t* end_;
};

/// The product of sizes, or `most` + 1 if it is above `most`; 0 if one of them is not positive.
template <class... Sizes>
std::size_t product_up_to(std::size_t most, Sizes... sizes) {
  double product = 1.0;
  for (const double size : {static_cast<double>(sizes)...}) product *= size > 0.0 ? size : 0.0;
  return product > static_cast<double>(most) ? most + 1 : static_cast<std::size_t>(product);
}

}  // namespace fuzz
