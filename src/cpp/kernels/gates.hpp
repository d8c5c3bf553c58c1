// SPDX-License-Identifier: BSD-3-Clause
//
// Gates of recurrent cells; see GateKernels.
#pragma once

#include "kernels/kernel_table.hpp"

namespace imperfect {
namespace IMPERFECT_ISA {

void step_lstm(const LstmArgs& args, float* c, float* h);
void reset_gru(const GruArgs& args, const float* h, float* reset);
void step_gru(const GruArgs& args, float* h);

}  // namespace IMPERFECT_ISA
}  // namespace imperfect
