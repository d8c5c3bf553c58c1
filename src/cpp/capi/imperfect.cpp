// SPDX-License-Identifier: BSD-3-Clause
//
// The C interface over the C++ layer: exceptions become status codes and a text per thread.
#include "imperfect/imperfect.h"

#include <algorithm>
#include <cstring>
#include <exception>
#include <new>
#include <stdexcept>
#include <string>
#include <utility>
#include <vector>

#include "base/check.hpp"
#include "capi/options.hpp"
#include "imperfect/layer.hpp"
#include "imperfect/version.hpp"
#include "kernels/kernel_table.hpp"

struct imperfect_layer {
  imperfect::Layer layer;
  int threads;
};

namespace {

using namespace imperfect;

std::string& error_text() {
  thread_local std::string text;
  return text;
}

/// Keeps the text of an error, or none of it if there is no memory for that.
imperfect_status failed(imperfect_status status, const std::exception& error) noexcept {
  try {
    error_text() = error.what();
  } catch (...) {
  }
  return status;
}

/// Runs `body`; whatever it throws becomes a status and the thread's error text.
template <class Body>
imperfect_status guarded(const Body& body) noexcept {
  try {
    error_text().clear();
    body();
    return IMPERFECT_OK;
  } catch (const std::invalid_argument& error) {
    return failed(IMPERFECT_INVALID, error);
  } catch (const std::bad_alloc&) {
    return IMPERFECT_NO_MEMORY;
  } catch (const std::exception& error) {
    return failed(IMPERFECT_INTERNAL, error);
  }
}

BatchShape to_batch(const imperfect_layer& handle, size_t images, int32_t depth, int32_t height, int32_t width) {
  return {images, handle.layer.shape().in_channels, height, width, depth};
}

}  // namespace

void imperfect_init_options(imperfect_options* options, size_t struct_size) {
  if (options == nullptr || struct_size < sizeof options->struct_size) return;
  const imperfect_options defaults = default_options();
  std::memset(options, 0, struct_size);
  std::memcpy(options, &defaults, std::min(struct_size, sizeof defaults));
  options->struct_size = struct_size;
}

imperfect_status imperfect_layer_create(const imperfect_options* options, const float* weight, size_t weight_size,
                                        const float* bias, imperfect_layer** layer) {
  return guarded([&] {
    check_pointer("options", options);
    check_pointer("layer", layer);
    *layer = nullptr;
    check_pointer("weight", weight);
    const imperfect_options o = read_options(*options);
    check(o.num_threads >= 0, "num_threads=", o.num_threads, ": must not be negative");
    const auto outputs = static_cast<size_t>(std::max<int32_t>(o.out_channels, 0));
    const ArrayView<const float> biases = bias == nullptr ? ArrayView<const float>{} : ArrayView<const float>{bias, outputs};
    Layer made(to_shape(o), {weight, weight_size}, biases, to_hardware(o), o.seed, o.layer_id,
               o.fixed16 != 0 ? Precision::kFixed16 : Precision::kFloat32);
    *layer = new imperfect_layer{std::move(made), o.num_threads};
  });
}

imperfect_status imperfect_layer_program(imperfect_layer* layer, uint64_t seed, uint32_t write) {
  return guarded([&] {
    check_pointer("layer", layer);
    layer->layer.program(seed, write);
  });
}

imperfect_status imperfect_layer_calibrate(imperfect_layer* layer, const float* x, size_t images, int32_t height,
                                           int32_t width) {
  return imperfect_layer_calibrate_volumes(layer, x, images, 1, height, width);
}

imperfect_status imperfect_layer_calibrate_volumes(imperfect_layer* layer, const float* x, size_t images, int32_t depth,
                                                   int32_t height, int32_t width) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("x", x);
    const BatchShape shape = to_batch(*layer, images, depth, height, width);
    layer->layer.shape().output_shape(shape);
    layer->layer.calibrate({x, shape.size()}, shape);
  });
}

imperfect_status imperfect_layer_output_size(const imperfect_layer* layer, int32_t height, int32_t width,
                                             int32_t* output_height, int32_t* output_width) {
  int32_t output_depth = 0;
  return imperfect_layer_volume_output_size(layer, 1, height, width, &output_depth, output_height, output_width);
}

imperfect_status imperfect_layer_volume_output_size(const imperfect_layer* layer, int32_t depth, int32_t height,
                                                    int32_t width, int32_t* output_depth, int32_t* output_height,
                                                    int32_t* output_width) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("output_depth", output_depth);
    check_pointer("output_height", output_height);
    check_pointer("output_width", output_width);
    const BatchShape shape = layer->layer.shape().output_shape(to_batch(*layer, 1, depth, height, width));
    *output_depth = shape.depth;
    *output_height = shape.height;
    *output_width = shape.width;
  });
}

imperfect_status imperfect_layer_forward(const imperfect_layer* layer, const float* x, size_t images, int32_t height,
                                         int32_t width, float* y, size_t y_size) {
  return imperfect_layer_read(layer, 0, 0, x, images, height, width, y, y_size);
}

imperfect_status imperfect_layer_read(const imperfect_layer* layer, uint64_t first_sample, uint64_t read, const float* x,
                                      size_t images, int32_t height, int32_t width, float* y, size_t y_size) {
  return imperfect_layer_read_volumes(layer, first_sample, read, x, images, 1, height, width, y, y_size);
}

imperfect_status imperfect_layer_read_volumes(const imperfect_layer* layer, uint64_t first_sample, uint64_t read,
                                              const float* x, size_t images, int32_t depth, int32_t height, int32_t width,
                                              float* y, size_t y_size) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("x", x);
    check_pointer("y", y);
    const BatchShape shape = to_batch(*layer, images, depth, height, width);
    layer->layer.shape().output_shape(shape);
    layer->layer.forward({x, shape.size()}, shape, {y, y_size}, layer->threads, {first_sample, read, {}});
  });
}

imperfect_status imperfect_layer_at(const imperfect_layer* layer, double seconds, imperfect_layer** later) {
  return guarded([&] {
    check_pointer("later", later);
    *later = nullptr;
    check_pointer("layer", layer);
    *later = new imperfect_layer{layer->layer.at(seconds), layer->threads};
  });
}

imperfect_status imperfect_layer_effective_weight(const imperfect_layer* layer, float* weight, size_t weight_size) {
  return guarded([&] {
    check_pointer("layer", layer);
    check_pointer("weight", weight);
    const std::vector<float> values = layer->layer.effective_weight();
    check(weight_size == values.size(), "weight_size=", weight_size, ": must be ", values.size());
    std::memcpy(weight, values.data(), values.size() * sizeof(float));
  });
}

void imperfect_layer_free(imperfect_layer* layer) { delete layer; }

const char* imperfect_last_error(void) { return error_text().c_str(); }

const char* imperfect_version(void) { return IMPERFECT_VERSION; }

const char* imperfect_simd_level(void) {
  const char* name = "";
  guarded([&] { name = kernels().name; });
  return name;
}
