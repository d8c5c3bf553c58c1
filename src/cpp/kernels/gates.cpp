// SPDX-License-Identifier: BSD-3-Clause
//
// Gates of recurrent cells. Units are taken in blocks held in local arrays, which the compiler knows to be apart; compiled
// without contraction and made of correctly rounded operations only, so that states have the same bits at every SIMD level.
#include "kernels/gates.hpp"

#include "kernels/exponential.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {
namespace {

constexpr int kUnits = 64;

/// Values of one block of units.
struct Block {
  float at[kUnits];
};

/// e^-x for x >= 0.
inline float decay(float x) { return exponential(x < 87.0f ? -x : -87.0f); }

inline float absolute_value(float x) { return x < 0.0f ? -x : x; }

/// 1/(1 + e^-x), from e^-|x| so that nothing overflows.
inline float logistic(float x) {
  const float e = decay(absolute_value(x));
  const float s = 1.0f / (1.0f + e);
  return x < 0.0f ? e * s : s;
}

/// (1 - e^-2|x|)/(1 + e^-2|x|) with the sign of x; an odd polynomial where that loses digits (Cephes, tanhf).
inline float hyperbolic_tangent(float x) {
  const float size = absolute_value(x);
  const float e = decay(2.0f * size);
  const float far = (1.0f - e) / (1.0f + e);
  const float q = x * x;
  const float series = -3.33332819422e-1f +
                       q * (1.33314422036e-1f + q * (-5.37397155531e-2f + q * (2.06390887954e-2f + q * -5.70498872745e-3f)));
  const float near = x + x * q * series;
  const float signed_far = x < 0.0f ? -far : far;
  return size < 0.625f ? near : signed_far;
}

void take(const float* from, int count, Block& to) {
  for (int j = 0; j < count; ++j) to.at[j] = from[j];
}

void put(const Block& from, int count, float* to) {
  for (int j = 0; j < count; ++j) to[j] = from.at[j];
}

void add(const float* a, const float* b, int count, Block& sum) {
  for (int j = 0; j < count; ++j) sum.at[j] = a[j] + b[j];
}

void add_peephole(const float* p, const Block& c, int count, Block& sum) {
  for (int j = 0; j < count; ++j) sum.at[j] += p[j] * c.at[j];
}

inline float limit(float x, float size) {
  x = x < -size ? -size : x;
  return x > size ? size : x;
}

void open(float clip, Block& gate) {
  for (int j = 0; j < kUnits; ++j) gate.at[j] = logistic(limit(gate.at[j], clip));
}

void squash(float clip, Block& gate) {
  for (int j = 0; j < kUnits; ++j) gate.at[j] = hyperbolic_tangent(limit(gate.at[j], clip));
}

/// Units beyond `count` hold 0 and are never stored.
void step_lstm_block(const LstmArgs& args, int first, int count, float* c_units, float* h_units) {
  Block i{}, f{}, g{}, o{}, c{}, h{};
  Block* const gates[] = {&i, &f, &g, &o};
  for (int gate = 0; gate < 4; ++gate)
    add(args.from_input + gate * args.hidden + first, args.from_state + gate * args.hidden + first, count, *gates[gate]);
  take(c_units, count, c);
  const float* p = args.peepholes == nullptr ? nullptr : args.peepholes + first;
  if (p != nullptr) {
    add_peephole(p, c, count, i);
    add_peephole(p + args.hidden, c, count, f);
  }
  open(args.clip, i);
  open(args.clip, f);
  squash(args.clip, g);
  if (args.is_coupled)
    for (int j = 0; j < kUnits; ++j) f.at[j] = 1.0f - i.at[j];
  for (int j = 0; j < kUnits; ++j) c.at[j] = f.at[j] * c.at[j] + i.at[j] * g.at[j];
  if (p != nullptr) add_peephole(p + 2 * args.hidden, c, count, o);
  open(args.clip, o);
  for (int j = 0; j < kUnits; ++j) h.at[j] = o.at[j] * hyperbolic_tangent(c.at[j]);
  put(c, count, c_units);
  put(h, count, h_units);
}

/// Gate 0 (r) or 1 (z) of a block.
void open_gru(const GruArgs& args, int gate, int first, int count, Block& result) {
  const int offset = gate * args.hidden + first;
  add(args.from_input + offset, args.from_state + offset, count, result);
  open(args.clip, result);
}

void step_gru_block(const GruArgs& args, int first, int count, float* h_units) {
  Block z{}, n{}, b{}, h{};
  open_gru(args, 1, first, count, z);
  if (args.candidate != nullptr) {
    take(args.candidate + first, count, b);
  } else {
    Block r{};
    open_gru(args, 0, first, count, r);
    take(args.from_state + 2 * args.hidden + first, count, b);
    for (int j = 0; j < kUnits; ++j) b.at[j] *= r.at[j];
  }
  add(args.from_input + 2 * args.hidden + first, b.at, count, n);
  squash(args.clip, n);
  take(h_units, count, h);
  for (int j = 0; j < kUnits; ++j) h.at[j] = (1.0f - z.at[j]) * n.at[j] + z.at[j] * h.at[j];
  put(h, count, h_units);
}

template <class Body>
void for_each_block(int hidden, const Body& body) {
  for (int first = 0; first < hidden; first += kUnits) body(first, hidden - first < kUnits ? hidden - first : kUnits);
}

}  // namespace

void step_lstm(const LstmArgs& args, float* c, float* h) {
  for_each_block(args.hidden, [&](int first, int count) { step_lstm_block(args, first, count, c + first, h + first); });
}

void reset_gru(const GruArgs& args, const float* h, float* reset) {
  for_each_block(args.hidden, [&](int first, int count) {
    Block r{}, state{};
    open_gru(args, 0, first, count, r);
    take(h + first, count, state);
    for (int j = 0; j < kUnits; ++j) r.at[j] *= state.at[j];
    put(r, count, reset + first);
  });
}

void step_gru(const GruArgs& args, float* h) {
  for_each_block(args.hidden, [&](int first, int count) { step_gru_block(args, first, count, h + first); });
}

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
