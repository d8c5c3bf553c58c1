// SPDX-License-Identifier: BSD-3-Clause
//
// The choice of plan.
#include "plan/plan.hpp"

namespace imperfect {

const char* Plan::name() const {
  switch (kind) {
    case PlanKind::kFolded: return "folded";
    case PlanKind::kFused: return "fused";
    case PlanKind::kBitSerial: return "bit_serial";
  }
  return "";
}

int converted_planes(const Hardware& hardware, const WeightCode& code) {
  return hardware.subtract == Subtract::kDigital ? code.num_planes() : code.num_slices;
}

Plan choose_plan(const Hardware& hardware, const WeightCode& code, const InputCode& input) {
  Plan plan;
  const bool has_read_noise = !hardware.cell.read_noise.empty();
  if (!hardware.adc.bits) {
    plan.reason = "ideal output converters: slices, cycles and blocks fold into one product";
    if (!has_read_noise) return plan;
    plan.products = 2;
    plan.reason += ", and their read noise into another";
    return plan;
  }
  plan.kind = PlanKind::kFused;
  plan.products = converted_planes(hardware, code) * input.num_cycles * input.num_passes();
  plan.reason = "every slice, cycle and row block is converted on its own";
  if (has_read_noise) {
    plan.products *= 2;
    plan.reason += ", with a second product for the variance of its read noise";
    return plan;
  }
  if (input.magnitude_bits == 0 || input.cycle_bits != 1) return plan;
  plan.kind = PlanKind::kBitSerial;
  plan.reason = "inputs of one bit a cycle: each conversion's sum is looked up in tables of subset sums";
  return plan;
}

}  // namespace imperfect
