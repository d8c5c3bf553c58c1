// SPDX-License-Identifier: BSD-3-Clause
//
// The vector type of the level this file is compiled for, and the sizes of the register tile. Eigen's packets serve as the
// portable vector type; the build renames Eigen's namespace for each level, so that no inline function is ever shared.
#pragma once

#include <Eigen/Core>

#define IMPERFECT_JOIN_(a, b) a##b
#define IMPERFECT_JOIN(a, b) IMPERFECT_JOIN_(a, b)

namespace imperfect {
namespace IMPERFECT_ISA {

using Vector = Eigen::internal::packet_traits<float>::type;
inline constexpr int kWidth = sizeof(Vector) / sizeof(float);

// Why: the tile of sums must fit in the registers beside one row of inputs and one weight: 8×3 of 32 registers with
// AVX-512, 4×3 of 16 with AVX2, 4×2 of 16 without fused multiply-add, which needs a register for each product.
#if defined(__AVX512F__)
inline constexpr int kVectors = 3;
inline constexpr int kTileInRegisters = 8;
#elif defined(__FMA__)
inline constexpr int kVectors = 3;
inline constexpr int kTileInRegisters = 4;
#else
inline constexpr int kVectors = 2;
inline constexpr int kTileInRegisters = 4;
#endif
inline constexpr int kLanes = kVectors * kWidth;
inline constexpr int kMaxTile = 8;

inline Vector load(const float* p) { return Eigen::internal::pload<Vector>(p); }
inline Vector load_unaligned(const float* p) { return Eigen::internal::ploadu<Vector>(p); }
inline Vector broadcast(float value) { return Eigen::internal::pset1<Vector>(value); }
inline void store(float* p, Vector v) { Eigen::internal::pstore(p, v); }
inline void store_unaligned(float* p, Vector v) { Eigen::internal::pstoreu(p, v); }
inline Vector mul_add(Vector a, Vector b, Vector c) { return Eigen::internal::pmadd(a, b, c); }
inline Vector round_to_even(Vector v) { return Eigen::internal::print(v); }
inline Vector clamp(Vector v, Vector low, Vector high) { return Eigen::internal::pmin(Eigen::internal::pmax(v, low), high); }
inline Vector square_root(Vector v) { return Eigen::internal::psqrt(v); }
inline Vector multiply_by(Vector a, Vector b) { return Eigen::internal::pmul(a, b); }
inline Vector subtract(Vector a, Vector b) { return Eigen::internal::psub(a, b); }
inline Vector absolute(Vector v) { return Eigen::internal::pabs(v); }
inline Vector maximum(Vector a, Vector b) { return Eigen::internal::pmax(a, b); }
inline float largest(Vector v) { return Eigen::internal::predux_max(v); }
inline Vector add(Vector a, Vector b) { return Eigen::internal::padd(a, b); }

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
