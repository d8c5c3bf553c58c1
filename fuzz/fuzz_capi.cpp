// SPDX-License-Identifier: BSD-3-Clause
//
// The C interface: options out of bytes, a layer made of them, then its functions in any order. The caller keeps its side of
// the bargain only: pointers are NULL or point to as many values as the header asks for. Beside the sanitizers' findings, it
// is one that a call fails as "internal", says nothing about a refusal, gives what is not finite, or gives other bits when
// it is asked again.
#include <algorithm>
#include <cmath>
#include <cstring>
#include <iterator>
#include <vector>

#include "bytes.hpp"
#include "imperfect/imperfect.h"

namespace {

using fuzz::Bytes;
using fuzz::expect;

constexpr std::size_t kMostWeights = 1024, kMostInputs = 1024, kMostOutputs = 4096, kMostCalls = 10, kMostLayers = 4;

struct Made {
  imperfect_options options;
  std::vector<std::vector<double>> tables;  // what pointers in the options point to

  /// A table of its own, at least as long as asked for.
  const double* table(Bytes& in, std::size_t size) {
    if (in.byte() == 255) return nullptr;
    tables.push_back(in.numbers());
    tables.back().resize(size, 0.5);
    return tables.back().data();
  }
};

void edit_shape(Made& made, Bytes& in) {
  imperfect_options& o = made.options;
  const int axis = in.byte() % 2;
  switch (in.byte() % 16) {
    case 0: o.in_channels = in.integer(1, 8); break;
    case 1: o.out_channels = in.integer(1, 8); break;
    case 2: o.groups = in.integer(1, 4); break;
    case 3: o.kernel[axis] = in.integer(1, 4); break;
    case 4: o.stride[axis] = in.integer(1, 3); break;
    case 5: o.dilation[axis] = in.integer(1, 3); break;
    case 6: o.pad_begin[axis] = in.padding(3); break;
    case 7: o.pad_end[axis] = in.padding(3); break;
    case 8: o.kernel_depth = in.integer(1, 3); break;
    case 9: o.stride_depth = in.integer(1, 3); break;
    case 10: o.dilation_depth = in.integer(1, 3); break;
    case 11: o.pad_begin_depth = in.padding(2); break;
    case 12: o.pad_end_depth = in.padding(2); break;
    case 13: o.transposed = in.integer(0, 1); break;
    case 14: o.output_padding[axis] = in.integer(0, 2); break;
    default: o.output_padding_depth = in.integer(0, 2); break;
  }
}

void edit_weights(Made& made, Bytes& in) {
  imperfect_options& o = made.options;
  switch (in.byte() % 16) {
    case 0: o.weight_bits = in.integer(0, 9); break;
    case 1: o.scheme = in.integer(0, 1); break;
    case 2: o.two_sided = in.integer(0, 1); break;
    case 3: o.subtract_digital = in.integer(0, 1); break;
    case 4: o.unit_column = in.integer(0, 1); break;
    case 5: o.per_channel = in.integer(0, 1); break;
    case 6: o.block_diagonal = in.integer(0, 1); break;
    case 7: o.weight_range = in.number(); break;
    case 8: o.weight_percentile = in.number(); break;
    case 9: o.array_rows = in.integer(0, 9); break;
    case 10: o.array_cols = in.integer(0, 9); break;
    case 11: o.partition = in.integer(0, 1); break;
    case 12: o.interleaved = in.integer(0, 1); break;
    case 13: o.column_current_max = in.number(); break;
    case 14: o.seed = in.raw<std::uint64_t>(); break;
    default: o.fixed16 = in.integer(0, 1); break;
  }
}

void edit_cells(Made& made, Bytes& in) {
  imperfect_options& o = made.options;
  switch (in.byte() % 16) {
    case 0: o.cell_bits = in.integer(0, 4); break;
    case 1: o.on_off_ratio = in.number(); break;
    case 2: o.g_min_sigma = in.number(); break;
    case 3: o.g_max_sigma = in.number(); break;
    case 4: o.programming = in.integer(0, 5); break;
    case 5: o.programming_sigma = in.number(); break;
    case 6:
      o.programming = IMPERFECT_LAW_TABLE;
      o.table_size = in.byte() % 6u;
      o.table_g = made.table(in, o.table_size);
      o.table_sigma = made.table(in, o.table_size);
      break;
    case 7: o.p_stuck_on = in.number(); break;
    case 8: o.p_stuck_off = in.number(); break;
    case 9: o.read_noise = in.integer(0, 2); break;
    case 10: o.read_noise_sigma = in.number(); break;
    case 11: o.read_noise_shared = in.integer(0, 1); break;
    case 12: o.drift = in.integer(0, 2); break;
    case 13: o.drift_compensation = in.integer(0, 2); break;
    case 14: (in.byte() % 2 ? o.drift_nu : o.drift_nu_sigma) = in.number(); break;
    default: o.drift_t0 = in.number(); break;
  }
}

void edit_converters(Made& made, Bytes& in) {
  imperfect_options& o = made.options;
  switch (in.byte() % 16) {
    case 0: o.dac_bits = in.integer(0, 9); break;
    case 1: o.dac_slice_bits = in.integer(0, 4); break;
    case 2: o.dac_signed = in.integer(-1, 1); break;
    case 3: o.dac_two_pass = in.integer(0, 1); break;
    case 4: o.dac_accumulate_analog = in.integer(0, 1); break;
    case 5: o.dac_range = in.number(); break;
    case 6: o.adc_bits = in.integer(0, 9); break;
    case 7: o.adc_range = in.integer(0, 3); break;
    case 8: o.adc_low = in.number(); break;
    case 9: o.adc_high = in.number(); break;
    case 10: o.adc_percentile = in.number(); break;
    case 11: o.adc_tie_slices = in.integer(0, 1); break;
    case 12: o.adc_gain_sigma = in.number(); break;
    case 13: o.adc_offset_sigma = in.number(); break;
    case 14: o.adc_noise = in.number(); break;
    default: o.num_threads = in.integer(0, 2); break;
  }
}

void edit_circuit(Made& made, Bytes& in) {
  imperfect_options& o = made.options;
  switch (in.byte() % 8) {
    case 0: o.g_max = in.number(); break;
    case 1: o.r_row = in.number(); break;
    case 2: o.r_col = in.number(); break;
    case 3: o.r_driver = in.number(); break;
    case 4: o.r_sense = in.number(); break;
    case 5: o.corner = in.integer(0, 3); break;
    case 6: o.gated = in.integer(0, 1); break;
    default: o.v_read = in.number(); break;
  }
}

void edit_tables(Made& made, Bytes& in) {
  imperfect_options& o = made.options;
  const std::size_t size = in.byte() % 6u;
  switch (in.byte() % 4) {
    case 0:
      o.drift = IMPERFECT_DRIFT_TABLE;
      o.drift_times = in.byte() % 4u;
      o.drift_points = size;
      o.drift_seconds = made.table(in, o.drift_times);
      o.drift_g = made.table(in, size);
      o.drift_mean = made.table(in, o.drift_times * size);
      o.drift_sigma = made.table(in, o.drift_times * size);
      break;
    case 1:
      o.dac_curve_size = size;
      o.dac_curve_v = made.table(in, size);
      o.dac_curve_f = made.table(in, size);
      break;
    case 2:
      o.adc_inl_size = size;
      o.adc_inl_code = made.table(in, size);
      o.adc_inl_error = made.table(in, size);
      break;
    default:
      o.curve_size = size;
      o.curve_g = made.table(in, size);
      o.curve_a2 = made.table(in, size);
      o.curve_a3 = made.table(in, size);
      break;
  }
}

Made make_options(Bytes& in) {
  Made made;
  imperfect_default_options(&made.options);
  using Edit = void (*)(Made&, Bytes&);
  constexpr Edit kEdits[] = {edit_shape, edit_weights, edit_cells, edit_converters, edit_circuit, edit_tables};
  for (int left = in.byte() % 32; left > 0; --left) kEdits[in.byte() % std::size(kEdits)](made, in);
  return made;
}

imperfect_status said(imperfect_status status) {
  const char* const text = imperfect_last_error();
  expect(status == IMPERFECT_OK || status == IMPERFECT_INVALID, "a call works or refuses its arguments:", text);
  expect((status == IMPERFECT_OK) == (*text == '\0'), "a refusal says why, and only a refusal does:", text);
  return status;
}

imperfect_layer* make_layer(const Made& made, Bytes& in) {
  const imperfect_options& o = made.options;
  const std::size_t size =
      fuzz::product_up_to(kMostWeights, o.in_channels, o.out_channels, o.kernel_depth, o.kernel[0], o.kernel[1]) /
      static_cast<std::size_t>(o.groups > 0 ? o.groups : 1);
  const std::uint8_t choice = in.byte();
  const std::vector<float> weight = in.floats(choice >= 250 ? choice - 249u : size);
  const std::size_t outputs = fuzz::product_up_to(kMostWeights, o.out_channels);
  const std::vector<float> bias = in.floats(choice % 2 && outputs <= kMostWeights ? outputs : 0);
  imperfect_layer* layer = nullptr;
  const auto status = said(imperfect_layer_create(&o, weight.empty() ? nullptr : weight.data(), weight.size(),
                                                  bias.empty() ? nullptr : bias.data(), &layer));
  expect((status == IMPERFECT_OK) == (layer != nullptr), "a layer is given where it was made, else NULL");
  return layer;
}

struct Batch {
  std::size_t images;
  std::int32_t depth, height, width;
  std::size_t size;
};

/// A batch of at most kMostInputs values; sizes that are not positive are kept for the library to refuse.
Batch make_batch(const imperfect_options& o, Bytes& in) {
  Batch b{in.byte() % 3u, in.integer(1, 2), in.integer(1, 5), in.integer(1, 5), 0};
  b.size = fuzz::product_up_to(kMostInputs, b.images, o.in_channels, b.depth, b.height, b.width);
  if (b.size > kMostInputs) b = {1, 1, 1, 1, static_cast<std::size_t>(o.in_channels)};
  return b;
}

void check_read(const imperfect_options& o, const imperfect_layer* layer, Bytes& in) {
  const Batch b = make_batch(o, in);
  const std::vector<float> x = in.floats(std::max<std::size_t>(b.size, 1));
  std::int32_t size[3];
  if (said(imperfect_layer_volume_output_size(layer, b.depth, b.height, b.width, &size[0], &size[1], &size[2])))
    std::fill(size, size + 3, 1);
  std::size_t outputs = fuzz::product_up_to(kMostOutputs, b.images, o.out_channels, size[0], size[1], size[2]);
  if (outputs > kMostOutputs || in.byte() == 255) outputs = 1;
  std::vector<float> first(std::max<std::size_t>(outputs, 1)), second(first.size());
  const std::uint64_t sample = in.byte(), read = in.byte();
  const auto run = [&](std::vector<float>& y) {
    return said(
        imperfect_layer_read_volumes(layer, sample, read, x.data(), b.images, b.depth, b.height, b.width, y.data(), outputs));
  };
  if (run(first) != IMPERFECT_OK) return;
  for (const float y : first) expect(std::isfinite(y), "outputs are finite");
  expect(run(second) == IMPERFECT_OK && first == second, "the same read gives the same outputs");
}

void check_weights(const imperfect_options& o, const imperfect_layer* layer, Bytes& in) {
  const std::size_t size = static_cast<std::size_t>(o.out_channels) * static_cast<std::size_t>(o.in_channels / o.groups) *
                           static_cast<std::size_t>(o.kernel_depth * o.kernel[0] * o.kernel[1]);
  const std::size_t given = in.byte() == 255 ? size + 1 : size;
  std::vector<float> weight(given);
  const auto status = said(imperfect_layer_effective_weight(layer, weight.data(), given));
  const bool has_room = given == size;
  const bool are_beyond = status != IMPERFECT_OK && std::strstr(imperfect_last_error(), "out of float32") != nullptr;
  expect(status == (has_room && !are_beyond ? IMPERFECT_OK : IMPERFECT_INVALID),
         "weights are given where there is room for them, and are refused where float32 does not hold them");
  for (const float w : weight) expect(std::isfinite(w), "weights are finite");
}

void call(const imperfect_options& o, std::vector<imperfect_layer*>& layers, Bytes& in) {
  const std::size_t place = in.byte() % layers.size();
  imperfect_layer* const layer = layers[place];
  switch (in.byte() % 8) {
    case 0: said(imperfect_layer_program(layer, in.byte(), in.byte())); return;
    case 1:
    case 2: {
      const Batch b = make_batch(o, in);
      const std::vector<float> x = in.floats(std::max<std::size_t>(b.size, 1));
      said(imperfect_layer_calibrate_volumes(layer, x.data(), b.images, b.depth, b.height, b.width));
      return;
    }
    case 3: {
      imperfect_layer* later = nullptr;
      const auto status = said(imperfect_layer_at(layer, in.number(), &later));
      expect((status == IMPERFECT_OK) == (later != nullptr), "a later layer is given where it was made, else NULL");
      if (later == nullptr) return;
      if (layers.size() < kMostLayers) return layers.push_back(later);
      layers[place] = later;
      return imperfect_layer_free(layer);
    }
    case 4: return check_weights(o, layer, in);
    case 5: {
      expect(said(imperfect_layer_program(nullptr, 0, 0)) == IMPERFECT_INVALID, "NULL is refused");
      expect(said(imperfect_layer_forward(layer, nullptr, 1, 1, 1, nullptr, 1)) == IMPERFECT_INVALID, "NULL is refused");
      return;
    }
    default: return check_read(o, layer, in);
  }
}

}  // namespace

extern "C" int LLVMFuzzerTestOneInput(const std::uint8_t* data, std::size_t size) {
  Bytes in(data, size);
  const Made made = make_options(in);
  std::vector<imperfect_layer*> layers{make_layer(made, in)};
  if (layers[0] == nullptr) return 0;
  for (std::size_t calls = 0; calls < kMostCalls && !in.empty(); ++calls) call(made.options, layers, in);
  for (imperfect_layer* const layer : layers) imperfect_layer_free(layer);
  return 0;
}
