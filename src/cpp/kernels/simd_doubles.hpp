// SPDX-License-Identifier: BSD-3-Clause
//
// Vectors of doubles of the level this file is compiled for; see simd.hpp.
#pragma once

#include "kernels/simd.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

using Doubles = Eigen::internal::packet_traits<double>::type;
inline constexpr int kDoubles = sizeof(Doubles) / sizeof(double);

inline Doubles load(const double* p) { return Eigen::internal::pload<Doubles>(p); }
inline Doubles load_unaligned(const double* p) { return Eigen::internal::ploadu<Doubles>(p); }
inline Doubles broadcast(double value) { return Eigen::internal::pset1<Doubles>(value); }
inline void store(double* p, Doubles v) { Eigen::internal::pstore(p, v); }
inline void store_unaligned(double* p, Doubles v) { Eigen::internal::pstoreu(p, v); }
inline Doubles divide(Doubles a, Doubles b) { return Eigen::internal::pdiv(a, b); }
inline double total(Doubles v) { return Eigen::internal::predux(v); }

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
