// SPDX-License-Identifier: BSD-3-Clause
//
// Vectors of 64-bit lanes of which only the lower 32 bits count, as Philox wants them: a product of two 32-bit words fills a
// lane, its lower half is a word as it stands, its upper half one shift away. What the upper halves hold never matters.
#pragma once

#include <cstdint>

#if defined(__SSE2__)
#include <immintrin.h>
#endif

namespace imperfect {
namespace IMPERFECT_ISA {

#if defined(__AVX512F__)

using Wide = __m512i;
inline constexpr int kWideLanes = 8;

inline Wide wide_set(std::uint32_t word) { return _mm512_set1_epi64(static_cast<long long>(word)); }
/// first, first + 2, first + 4, …
inline Wide wide_count(std::uint64_t first) {
  return _mm512_add_epi64(_mm512_set1_epi64(static_cast<long long>(first)), _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14));
}
/// Counters p[0], p[2], … and p[1], p[3], …
inline void wide_load_pairs(const std::uint64_t* p, Wide& even, Wide& odd) {
  const Wide a = _mm512_loadu_si512(p), b = _mm512_loadu_si512(p + 8);
  even = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(0, 2, 4, 6, 8, 10, 12, 14), b);
  odd = _mm512_permutex2var_epi64(a, _mm512_setr_epi64(1, 3, 5, 7, 9, 11, 13, 15), b);
}
inline Wide wide_upper(Wide a) { return _mm512_srli_epi64(a, 32); }
inline Wide wide_multiply(Wide a, Wide b) { return _mm512_mul_epu32(a, b); }
/// upper half of `product` ^ a ^ b
inline Wide wide_mix(Wide product, Wide a, Wide b) {
  return _mm512_ternarylogic_epi64(_mm512_srli_epi64(product, 32), a, b, 0x96);
}
/// Words of `even` and `odd` in turn.
inline void store_words(std::uint32_t* p, Wide even, Wide odd) {
  _mm512_storeu_si512(p, _mm512_mask_blend_epi32(0xAAAA, even, _mm512_slli_epi64(odd, 32)));
}

#elif defined(__AVX2__)

using Wide = __m256i;
inline constexpr int kWideLanes = 4;

inline Wide wide_set(std::uint32_t word) { return _mm256_set1_epi64x(static_cast<long long>(word)); }
inline Wide wide_count(std::uint64_t first) {
  return _mm256_add_epi64(_mm256_set1_epi64x(static_cast<long long>(first)), _mm256_setr_epi64x(0, 2, 4, 6));
}
inline void wide_load_pairs(const std::uint64_t* p, Wide& even, Wide& odd) {
  const Wide a = _mm256_loadu_si256(reinterpret_cast<const Wide*>(p));
  const Wide b = _mm256_loadu_si256(reinterpret_cast<const Wide*>(p + 4));
  even = _mm256_permute4x64_epi64(_mm256_unpacklo_epi64(a, b), 0xD8);
  odd = _mm256_permute4x64_epi64(_mm256_unpackhi_epi64(a, b), 0xD8);
}
inline Wide wide_upper(Wide a) { return _mm256_srli_epi64(a, 32); }
inline Wide wide_multiply(Wide a, Wide b) { return _mm256_mul_epu32(a, b); }
inline Wide wide_mix(Wide product, Wide a, Wide b) {
  return _mm256_xor_si256(_mm256_xor_si256(_mm256_srli_epi64(product, 32), a), b);
}
inline void store_words(std::uint32_t* p, Wide even, Wide odd) {
  const __m256i words = _mm256_blend_epi32(even, _mm256_slli_epi64(odd, 32), 0xAA);
  _mm256_storeu_si256(reinterpret_cast<__m256i*>(p), words);
}

#elif defined(__SSE4_1__)

using Wide = __m128i;
inline constexpr int kWideLanes = 2;

inline Wide wide_set(std::uint32_t word) { return _mm_set1_epi64x(static_cast<long long>(word)); }
inline Wide wide_count(std::uint64_t first) {
  return _mm_add_epi64(_mm_set1_epi64x(static_cast<long long>(first)), _mm_set_epi64x(2, 0));
}
inline void wide_load_pairs(const std::uint64_t* p, Wide& even, Wide& odd) {
  const Wide a = _mm_loadu_si128(reinterpret_cast<const Wide*>(p));
  const Wide b = _mm_loadu_si128(reinterpret_cast<const Wide*>(p + 2));
  even = _mm_unpacklo_epi64(a, b);
  odd = _mm_unpackhi_epi64(a, b);
}
inline Wide wide_upper(Wide a) { return _mm_srli_epi64(a, 32); }
inline Wide wide_multiply(Wide a, Wide b) { return _mm_mul_epu32(a, b); }
inline Wide wide_mix(Wide product, Wide a, Wide b) { return _mm_xor_si128(_mm_xor_si128(_mm_srli_epi64(product, 32), a), b); }
inline void store_words(std::uint32_t* p, Wide even, Wide odd) {
  const __m128i words = _mm_blend_epi16(even, _mm_slli_epi64(odd, 32), 0xCC);
  _mm_storeu_si128(reinterpret_cast<__m128i*>(p), words);
}

#else

inline constexpr int kWideLanes = 2;
struct Wide {
  std::uint64_t lane[kWideLanes];
};

inline Wide wide_set(std::uint32_t word) { return {{word, word}}; }
inline Wide wide_count(std::uint64_t first) { return {{first, first + 2}}; }
inline void wide_load_pairs(const std::uint64_t* p, Wide& even, Wide& odd) {
  even = {{p[0], p[2]}};
  odd = {{p[1], p[3]}};
}
inline Wide wide_upper(const Wide& a) { return {{a.lane[0] >> 32, a.lane[1] >> 32}}; }
inline Wide wide_multiply(const Wide& a, const Wide& b) {
  Wide result;
  for (int l = 0; l < kWideLanes; ++l) result.lane[l] = (a.lane[l] & 0xFFFFFFFFu) * (b.lane[l] & 0xFFFFFFFFu);
  return result;
}
inline Wide wide_mix(const Wide& product, const Wide& a, const Wide& b) {
  Wide result;
  for (int l = 0; l < kWideLanes; ++l) result.lane[l] = product.lane[l] >> 32 ^ a.lane[l] ^ b.lane[l];
  return result;
}
inline void store_words(std::uint32_t* p, const Wide& even, const Wide& odd) {
  for (int l = 0; l < kWideLanes; ++l) {
    p[2 * l] = static_cast<std::uint32_t>(even.lane[l]);
    p[2 * l + 1] = static_cast<std::uint32_t>(odd.lane[l]);
  }
}

#endif

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
