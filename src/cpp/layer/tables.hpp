// SPDX-License-Identifier: BSD-3-Clause
//
// Which look-up tables a bit-serial layer uses, and how large they are.
#pragma once

#include <cstddef>

#include "layer/packed.hpp"

namespace imperfect {

/// Lanes that share float tables in a large batch.
inline constexpr int kFullChunkLanes = 960;

/// Whether the layer's cells are looked up as integers on this machine.
bool has_integer_tables(const PackedLayer& layer);

/// Rows of one look-up in float tables: more of them mean fewer look-ups but larger tables to build and to keep in the
/// second-level cache. Few lanes get small tables, which cost no more than multiplying.
int choose_group_rows(int rows, int lanes, int look_ups_per_lane);

/// Bytes of look-up tables: of all that are kept, or of those made for one tile of outputs and one array.
std::size_t table_bytes(const PackedLayer& layer);

}  // namespace imperfect
