// SPDX-License-Identifier: BSD-3-Clause
//
// The table of this level: the one symbol the rest of the library sees.
#include "kernels/bit_serial.hpp"
#include "kernels/cells.hpp"
#include "kernels/circuit.hpp"
#include "kernels/drift.hpp"
#include "kernels/fold.hpp"
#include "kernels/inputs.hpp"
#include "kernels/integer_tables.hpp"
#include "kernels/lines.hpp"
#include "kernels/multiply.hpp"
#include "kernels/ports.hpp"
#include "kernels/random_fill.hpp"
#include "kernels/read_noise.hpp"
#include "kernels/simd_bytes.hpp"

#define IMPERFECT_TEXT_(x) #x
#define IMPERFECT_TEXT(x) IMPERFECT_TEXT_(x)

namespace imperfect {

extern const KernelTable IMPERFECT_JOIN(kernel_table_, IMPERFECT_ISA);

const KernelTable IMPERFECT_JOIN(kernel_table_, IMPERFECT_ISA) = {
    IMPERFECT_TEXT(IMPERFECT_ISA),
    IMPERFECT_ISA::kLanes,
    IMPERFECT_ISA::kMaxTile,
    IMPERFECT_ISA::multiply,
    IMPERFECT_ISA::multiply_exact,
    IMPERFECT_ISA::multiply_direct,
    IMPERFECT_ISA::multiply_convert,
    IMPERFECT_ISA::find_line_currents,
    IMPERFECT_ISA::convert_lines,
    IMPERFECT_ISA::kWidth,
    IMPERFECT_ISA::index_bits,
    IMPERFECT_ISA::count_bits,
    IMPERFECT_ISA::build_tables,
    IMPERFECT_ISA::look_up_convert,
    IMPERFECT_ISA::kByteLanes,
    IMPERFECT_ISA::index_nibbles,
    IMPERFECT_ISA::look_up_bytes,
    IMPERFECT_ISA::kLookUpShorts,
    IMPERFECT_ISA::pad,
    IMPERFECT_ISA::copy_rows,
    IMPERFECT_ISA::gather,
    IMPERFECT_ISA::scatter,
    IMPERFECT_ISA::fold,
    IMPERFECT_ISA::extract_digits,
    IMPERFECT_ISA::finish,
    IMPERFECT_ISA::add_rows,
    IMPERFECT_ISA::all_finite,
    IMPERFECT_ISA::quantize_inputs,
    IMPERFECT_ISA::fill_normals,
    IMPERFECT_ISA::fill_uniforms,
    IMPERFECT_ISA::draw_read_normals,
    IMPERFECT_ISA::shape_noise,
    IMPERFECT_ISA::add_squares,
    IMPERFECT_ISA::add_noise,
    IMPERFECT_ISA::place_digits,
    IMPERFECT_ISA::add_normal_errors,
    IMPERFECT_ISA::drift_by_power,
    IMPERFECT_ISA::to_digits,
    IMPERFECT_ISA::pack_lines,
    {IMPERFECT_ISA::eliminate, IMPERFECT_ISA::reduce_leaves},
    {IMPERFECT_ISA::find_voltages, IMPERFECT_ISA::find_currents, IMPERFECT_ISA::finish_voltages, IMPERFECT_ISA::find_change,
     IMPERFECT_ISA::advance},
};

}  // namespace imperfect
