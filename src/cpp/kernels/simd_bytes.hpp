// SPDX-License-Identifier: BSD-3-Clause
//
// Vectors of 8-bit and 16-bit integers of the level this file is compiled for: what look-ups in 16-entry byte tables need.
// A `Bytes` holds kByteLanes lanes; a table of 16 bytes is repeated in each 128-bit part, as the shuffle instruction wants.
#pragma once

#include <cstdint>

#include "kernels/simd.hpp"

#if defined(__SSSE3__)
#include <immintrin.h>
#endif

namespace imperfect {
namespace IMPERFECT_ISA {

#if defined(__AVX512BW__)

using Bytes = __m512i;
using Shorts = __m512i;
inline constexpr int kByteLanes = 64;
inline constexpr int kByteTile = 8;  // columns worked on together: what fits in the registers

inline Bytes zero_bytes() { return _mm512_setzero_si512(); }
inline Bytes load_bytes(const std::uint8_t* p) { return _mm512_load_si512(p); }
inline Bytes load_table(const std::int8_t* p) {
  return _mm512_maskz_broadcast_i32x4(0xFFFF, _mm_load_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Bytes look_up(Bytes table, Bytes indices) { return _mm512_shuffle_epi8(table, indices); }
inline Bytes add_bytes(Bytes a, Bytes b) { return _mm512_add_epi8(a, b); }
inline Bytes subtract_bytes(Bytes a, Bytes b) { return _mm512_sub_epi8(a, b); }
/// Adds the lower (0) or upper (1) half of the lanes, widened.
inline Shorts add_half(Shorts sum, Bytes b, int half) {
  const __m256i part = half == 0 ? _mm512_castsi512_si256(b) : _mm512_maskz_extracti64x4_epi64(0xF, b, 1);
  return _mm512_add_epi16(sum, _mm512_maskz_cvtepi8_epi16(0xFFFFFFFF, part));
}
/// The lower (0) or upper (1) half of the lanes as floats.
inline Vector to_floats(Shorts s, int half) {
  const __m256i part = half == 0 ? _mm512_castsi512_si256(s) : _mm512_maskz_extracti64x4_epi64(0xF, s, 1);
  return _mm512_maskz_cvtepi32_ps(0xFFFF, _mm512_maskz_cvtepi16_epi32(0xFFFF, part));
}

#elif defined(__AVX2__)

using Bytes = __m256i;
using Shorts = __m256i;
inline constexpr int kByteLanes = 32;
inline constexpr int kByteTile = 4;

inline Bytes zero_bytes() { return _mm256_setzero_si256(); }
inline Bytes load_bytes(const std::uint8_t* p) { return _mm256_load_si256(reinterpret_cast<const __m256i*>(p)); }
inline Bytes load_table(const std::int8_t* p) {
  return _mm256_broadcastsi128_si256(_mm_load_si128(reinterpret_cast<const __m128i*>(p)));
}
inline Bytes look_up(Bytes table, Bytes indices) { return _mm256_shuffle_epi8(table, indices); }
inline Bytes add_bytes(Bytes a, Bytes b) { return _mm256_add_epi8(a, b); }
inline Bytes subtract_bytes(Bytes a, Bytes b) { return _mm256_sub_epi8(a, b); }
inline Shorts add_half(Shorts sum, Bytes b, int half) {
  const __m128i part = half == 0 ? _mm256_castsi256_si128(b) : _mm256_extracti128_si256(b, 1);
  return _mm256_add_epi16(sum, _mm256_cvtepi8_epi16(part));
}
inline Vector to_floats(Shorts s, int half) {
  const __m128i part = half == 0 ? _mm256_castsi256_si128(s) : _mm256_extracti128_si256(s, 1);
  return _mm256_cvtepi32_ps(_mm256_cvtepi16_epi32(part));
}

#elif defined(__SSE4_1__)

using Bytes = __m128i;
using Shorts = __m128i;
inline constexpr int kByteLanes = 16;
inline constexpr int kByteTile = 4;

inline Bytes zero_bytes() { return _mm_setzero_si128(); }
inline Bytes load_bytes(const std::uint8_t* p) { return _mm_load_si128(reinterpret_cast<const __m128i*>(p)); }
inline Bytes load_table(const std::int8_t* p) { return _mm_load_si128(reinterpret_cast<const __m128i*>(p)); }
inline Bytes look_up(Bytes table, Bytes indices) { return _mm_shuffle_epi8(table, indices); }
inline Bytes add_bytes(Bytes a, Bytes b) { return _mm_add_epi8(a, b); }
inline Bytes subtract_bytes(Bytes a, Bytes b) { return _mm_sub_epi8(a, b); }
inline Shorts add_half(Shorts sum, Bytes b, int half) {
  return _mm_add_epi16(sum, _mm_cvtepi8_epi16(half == 0 ? b : _mm_srli_si128(b, 8)));
}
inline Vector to_floats(Shorts s, int half) {
  return _mm_cvtepi32_ps(_mm_cvtepi16_epi32(half == 0 ? s : _mm_srli_si128(s, 8)));
}

#else

// Plain loops that the compiler may turn into vectors, for machines without a byte shuffle we know by name.
inline constexpr int kByteLanes = 16;
inline constexpr int kByteTile = 4;
struct Bytes {
  std::int8_t lane[kByteLanes];
};
struct Shorts {
  std::int16_t lane[kByteLanes / 2];
};

template <class Operation>
inline Bytes for_each_byte(const Operation& operation) {
  Bytes result;
  for (int l = 0; l < kByteLanes; ++l) result.lane[l] = static_cast<std::int8_t>(operation(l));
  return result;
}

inline Bytes zero_bytes() { return Bytes{}; }
inline Shorts zero_shorts() { return Shorts{}; }
inline Bytes load_bytes(const std::uint8_t* p) {
  return for_each_byte([=](int l) { return p[l]; });
}
inline Bytes load_table(const std::int8_t* p) {
  return for_each_byte([=](int l) { return p[l]; });
}
inline Bytes look_up(const Bytes& table, const Bytes& indices) {
  return for_each_byte([&](int l) { return table.lane[indices.lane[l]]; });
}
inline Bytes add_bytes(const Bytes& a, const Bytes& b) {
  return for_each_byte([&](int l) { return a.lane[l] + b.lane[l]; });
}
inline Bytes subtract_bytes(const Bytes& a, const Bytes& b) {
  return for_each_byte([&](int l) { return a.lane[l] - b.lane[l]; });
}
inline Shorts add_half(Shorts sum, const Bytes& b, int half) {
  for (int l = 0; l < kByteLanes / 2; ++l)
    sum.lane[l] = static_cast<std::int16_t>(sum.lane[l] + b.lane[half * kByteLanes / 2 + l]);
  return sum;
}
inline Vector to_floats(const Shorts& s, int part) {
  alignas(64) float values[kWidth];
  for (int l = 0; l < kWidth; ++l) values[l] = s.lane[part * kWidth + l];
  return load(values);
}

#endif

#if defined(__SSE4_1__)
inline Shorts zero_shorts() { return zero_bytes(); }
#endif

/// Vectors of floats that one Shorts fills.
inline constexpr int kFloatsPerShorts = kByteLanes / 2 / kWidth;

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
