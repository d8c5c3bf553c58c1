// SPDX-License-Identifier: BSD-3-Clause
//
// The choice of plan.
#include "plan/plan.hpp"

namespace imperfect {

int converted_planes(const Hardware& hardware, const WeightCode& code) {
  return hardware.subtract == Subtract::kDigital ? code.num_planes() : code.num_slices;
}

Plan choose_plan(const Hardware& hardware, const WeightCode& code, const InputCode& input) {
  Plan plan;
  if (!hardware.adc.bits) {
    plan.reason = "ideal output converters: slices, cycles and blocks fold into one product";
    return plan;
  }
  plan.kind = PlanKind::kFused;
  plan.products = converted_planes(hardware, code) * input.num_cycles * input.num_passes();
  plan.reason = "every slice, cycle and row block is converted on its own";
  return plan;
}

}  // namespace imperfect
