// SPDX-License-Identifier: BSD-3-Clause
//
// The layer. Every Python object is converted before the GIL is released; loops run without it.
#include <array>

#include "bindings/hardware_convert.hpp"
#include "bindings/interruptible.hpp"
#include "bindings/numpy_convert.hpp"
#include "imperfect/array_use.hpp"
#include "imperfect/layer.hpp"

namespace imperfect {
namespace {

using Triple = std::array<int, 3>;

LayerShape make_shape(int in_channels, int out_channels, int groups, Triple kernel, Triple stride, Triple dilation,
                      Triple pad_begin, Triple pad_end, bool is_transposed, Triple output_padding) {
  LayerShape shape;
  shape.in_channels = in_channels;
  shape.out_channels = out_channels;
  shape.groups = groups;
  shape.is_transposed = is_transposed;
  for (std::size_t axis = 0; axis < 3; ++axis) {
    shape.kernel[axis] = kernel[axis];
    shape.stride[axis] = stride[axis];
    shape.dilation[axis] = dilation[axis];
    shape.pad_begin[axis] = pad_begin[axis];
    shape.pad_end[axis] = pad_end[axis];
    shape.output_padding[axis] = output_padding[axis];
  }
  return shape;
}

Layer make_layer(const LayerShape& shape, const py::array& weight, const std::optional<py::array>& bias,
                 const py::object& hardware, std::uint64_t seed, std::uint64_t layer_id, bool fixed16) {
  const ArrayView<const float> weights = float_view("weight", weight);
  const ArrayView<const float> biases = bias ? float_view("bias", *bias) : ArrayView<const float>{};
  const Hardware converted = to_hardware(hardware);
  const Precision precision = fixed16 ? Precision::kFixed16 : Precision::kFloat32;
  return interruptible([&] { return Layer(shape, weights, biases, converted, seed, layer_id, precision); });
}

py::array_t<float> forward(const Layer& layer, const py::array& x, const std::optional<py::array>& out, int threads,
                           std::uint64_t first_sample, std::uint64_t read,
                           const std::optional<py::array_t<std::uint64_t, py::array::c_style>>& samples) {
  const BatchShape input = batch_shape(x);
  const ArrayView<const float> from = float_view("x", x);
  const BatchShape output = layer.shape().output_shape(input);
  py::array y = out ? *out : py::array_t<float>(dimensions(output, x.ndim()));
  const ArrayView<float> to = mutable_float_view("out", y);
  ReadKey key{first_sample, read, {}};
  if (samples) key.samples = {samples->data(), static_cast<std::size_t>(samples->size())};
  interruptible([&] { layer.forward(from, input, to, threads, key); });
  return y;
}

void calibrate(Layer& layer, const py::array& x) {
  const BatchShape input = batch_shape(x);
  const ArrayView<const float> from = float_view("x", x);
  interruptible([&] { layer.calibrate(from, input); });
}

std::pair<double, std::vector<double>> clipping_rates(const Layer& layer, const py::array& x) {
  const BatchShape input = batch_shape(x);
  const ArrayView<const float> from = float_view("x", x);
  const ClippingRates rates = interruptible([&] { return layer.clipping_rates(from, input); });
  return {rates.dac, rates.adc};
}

CalibrationReport calibration_report(const Layer& layer, const py::array& x) {
  const BatchShape input = batch_shape(x);
  const ArrayView<const float> from = float_view("x", x);
  return interruptible([&] { return layer.calibration_report(from, input); });
}

py::array_t<std::uint64_t> counts(const std::vector<std::uint64_t>& values) {
  return py::array_t<std::uint64_t>({static_cast<py::ssize_t>(values.size())}, values.data());
}

void register_report(py::module_& m) {
  py::class_<ConverterUse>(m, "ConverterUse")
      .def_readonly("slice", &ConverterUse::slice)
      .def_readonly("polarity", &ConverterUse::polarity)
      .def_readonly("low", &ConverterUse::low)
      .def_readonly("high", &ConverterUse::high)
      .def_readonly("lsb", &ConverterUse::lsb)
      .def_readonly("conversions", &ConverterUse::conversions)
      .def_readonly("clipped_low", &ConverterUse::clipped_low)
      .def_readonly("clipped_high", &ConverterUse::clipped_high)
      .def_readonly("line_reads", &ConverterUse::line_reads)
      .def_readonly("limited_lines", &ConverterUse::limited_lines)
      .def_readonly("mean", &ConverterUse::mean)
      .def_readonly("sigma", &ConverterUse::sigma)
      .def_readonly("bin_width", &ConverterUse::bin_width)
      .def_property_readonly("codes", [](const ConverterUse& use) { return counts(use.codes); })
      .def_property_readonly("currents", [](const ConverterUse& use) { return counts(use.currents); });
  py::class_<CalibrationReport>(m, "CalibrationReport")
      .def_readonly("full_scale", &CalibrationReport::full_scale)
      .def_readonly("inputs_clipped", &CalibrationReport::inputs_clipped)
      .def_readonly("converters", &CalibrationReport::converters);
}

using CalibrationTuple = std::tuple<double, bool, std::vector<std::pair<double, double>>>;

std::optional<CalibrationTuple> calibration(const Layer& layer) {
  const std::optional<Calibration> found = layer.calibration();
  if (!found) return std::nullopt;
  return CalibrationTuple{found->full_scale, found->is_signed, found->ranges};
}

py::typing::Dict<py::str, py::object> plan(const Layer& layer) {
  const PlanInfo info = layer.plan();
  py::typing::Dict<py::str, py::object> result;
  result["kind"] = info.kind;
  result["reason"] = info.reason;
  py::dict not_taken;
  for (const auto& [name, why] : info.not_taken) not_taken[py::str(name)] = why;
  result["not_taken"] = not_taken;
  result["products"] = info.products;
  result["multiply_adds"] = info.multiply_adds;
  result["table_bytes"] = info.table_bytes;
  result["slices"] = info.num_slices;
  result["cycles"] = info.num_cycles;
  result["passes"] = info.num_passes;
  result["arrays"] = info.num_arrays;
  result["cells"] = info.num_cells;
  result["row_blocks"] = info.row_blocks;
  return result;
}

/// Groups, and the outputs and rows of each.
using Matrix = std::tuple<int, int, int>;

Matrix matrix(const Layer& layer) {
  const LayerShape& shape = layer.shape();
  return {shape.groups, shape.outputs_per_group(), shape.rows_per_group()};
}

/// Arrays, cells of weights, of unit columns, off the blocks, and of whole arrays.
using ArrayCounts = std::tuple<long long, long long, long long, long long, long long>;

ArrayCounts array_counts(const Hardware& hardware, const Matrix& matrix) {
  const auto [num_groups, outputs_per_group, rows_per_group] = matrix;
  const ArrayUse use = count_arrays(hardware, num_groups, outputs_per_group, rows_per_group);
  return {use.num_arrays, use.weight_cells, use.unit_cells, use.off_block_cells, use.cells};
}

/// Blocks of a layer, one a row: word lines, data columns and unit columns of their arrays.
py::array_t<std::int64_t> array_blocks(const py::object& hardware, int num_groups, int outputs_per_group,
                                       int rows_per_group) {
  const std::vector<ArrayBlock> blocks = list_blocks(to_hardware(hardware), num_groups, outputs_per_group, rows_per_group);
  py::array_t<std::int64_t> result({static_cast<py::ssize_t>(blocks.size()), py::ssize_t{3}});
  std::int64_t* to = result.mutable_data();
  for (const ArrayBlock& block : blocks)
    for (const int lines : {block.rows, block.outputs, block.units}) *to++ = lines;
  return result;
}

std::tuple<std::uint64_t, std::uint64_t, double> read_activity(const Layer& layer, const py::array& x) {
  const BatchShape input = batch_shape(x);
  const ArrayView<const float> from = float_view("x", x);
  const ReadActivity activity = interruptible([&] { return layer.read_activity(from, input); });
  return {activity.word_line_charges, activity.cell_reads, activity.energy};
}

using Floats = py::array_t<float>;

std::tuple<Floats, Floats, Floats> cells(const Layer& layer) {
  const auto found = interruptible([&] { return layer.cells(); });
  const auto array = [](const std::vector<float>& values) {
    return to_array(values, {static_cast<py::ssize_t>(values.size())});
  };
  return {array(found->weights), array(found->units), array(found->off_block)};
}

std::vector<float> to_vector(const char* name, const py::array& array) {
  const ArrayView<const float> view = float_view(name, array);
  return std::vector<float>(view.begin(), view.end());
}

std::vector<py::ssize_t> cell_dimensions(const Layer& layer) {
  const auto slices = static_cast<py::ssize_t>(num_slices(layer.hardware()));
  const py::ssize_t polarities = layer.hardware().scheme == Scheme::kOffset ? 1 : 2;
  return {slices, polarities, layer.shape().array_outputs(), layer.shape().rows_per_group()};
}

py::array_t<std::uint32_t> pulses(const Layer& layer) {
  const std::vector<std::uint32_t> found = interruptible([&] { return layer.pulses(); });
  return py::array_t<std::uint32_t>(cell_dimensions(layer), found.data());
}

std::optional<Floats> readout_inputs(const Layer& layer) {
  const auto [shape, x] = layer.readout_inputs();
  if (shape.images == 0) return std::nullopt;
  return to_array(x, dimensions(shape, shape.depth == 1 ? 4 : 5));
}

void register_arrays(py::module_& m) {
  m.def(
      "array_counts",
      [](const py::object& hardware, int num_groups, int outputs_per_group, int rows_per_group) {
        return array_counts(to_hardware(hardware), {num_groups, outputs_per_group, rows_per_group});
      },
      py::arg("hardware"), py::arg("num_groups"), py::arg("outputs_per_group"), py::arg("rows_per_group"));
  m.def("array_blocks", &array_blocks, py::arg("hardware"), py::arg("num_groups"), py::arg("outputs_per_group"),
        py::arg("rows_per_group"));
}

void register_shape(py::module_& m) {
  py::class_<LayerShape>(m, "LayerShape")
      .def(py::init(&make_shape), py::arg("in_channels"), py::arg("out_channels"), py::arg("groups") = 1,
           py::arg("kernel") = Triple{1, 1, 1}, py::arg("stride") = Triple{1, 1, 1}, py::arg("dilation") = Triple{1, 1, 1},
           py::arg("pad_begin") = Triple{}, py::arg("pad_end") = Triple{}, py::arg("is_transposed") = false,
           py::arg("output_padding") = Triple{});
}

/// Making, programming and ageing.
void register_devices(py::class_<Layer>& bound) {
  bound
      .def(py::init(&make_layer), py::arg("shape"), py::arg("weight"), py::arg("bias"), py::arg("hardware"), py::arg("seed"),
           py::arg("layer_id"), py::arg("fixed16") = false)
      .def("copy", [](const Layer& layer) { return Layer(layer); })
      .def(
          "program",
          [](Layer& layer, std::uint64_t seed, std::uint32_t write) { interruptible([&] { layer.program(seed, write); }); },
          py::arg("seed"), py::arg("write"))
      .def(
          "at", [](const Layer& layer, double seconds) { return interruptible([&] { return layer.at(seconds); }); },
          py::arg("seconds"))
      .def_property_readonly("seconds", &Layer::seconds)
      .def("pulses", &pulses)
      .def_property_readonly("readout_inputs", &readout_inputs)
      .def(
          "set_readout_inputs",
          [](Layer& layer, const py::array& x) {
            const BatchShape shape = batch_shape(x);
            const ArrayView<const float> from = float_view("readout_inputs", x);
            interruptible([&] { layer.set_readout_inputs(from, shape); });
          },
          py::arg("x"));
}

/// Calibrating and passing inputs through.
void register_passes(py::class_<Layer>& bound) {
  bound.def("calibrate", &calibrate, py::arg("x"))
      .def("forward", &forward, py::arg("x"), py::arg("out"), py::arg("num_threads"), py::arg("first_sample") = 0,
           py::arg("read") = 0, py::arg("samples") = std::nullopt)
      .def(
          "output_shape",
          [](const Layer& layer, const py::array& x) {
            return dimensions(layer.shape().output_shape(batch_shape(x)), x.ndim());
          },
          py::arg("x"))
      .def("clipping_rates", &clipping_rates, py::arg("x"))
      .def("read_activity", &read_activity, py::arg("x"))
      .def("calibration_report", &calibration_report, py::arg("x"))
      .def(
          "with_epilogue",
          [](const Layer& layer, std::vector<float> scale, std::vector<float> shift, float low, float high) {
            return layer.with_epilogue({std::move(scale), std::move(shift), low, high});
          },
          py::arg("scale"), py::arg("shift"), py::arg("low"), py::arg("high"));
}

/// The state that is saved and restored.
void register_state(py::class_<Layer>& bound) {
  bound.def_property_readonly("needs_calibration", &Layer::needs_calibration)
      .def_property_readonly("uses_calibration", &Layer::uses_calibration)
      .def_property_readonly("seed", &Layer::seed)
      .def_property_readonly("write", &Layer::write)
      .def_property_readonly("calibration", &calibration)
      .def(
          "set_calibration",
          [](Layer& layer, double full_scale, bool is_signed, std::vector<std::pair<double, double>> ranges) {
            const Calibration calibration{full_scale, is_signed, std::move(ranges)};
            interruptible([&] { layer.set_calibration(calibration); });
          },
          py::arg("full_scale"), py::arg("is_signed"), py::arg("ranges"))
      .def_property_readonly("cells", &cells)
      .def(
          "set_cells",
          [](Layer& layer, const py::array& weights, const py::array& units, const py::array& off_block, std::uint64_t seed,
             std::uint32_t write) {
            CellArrays cells{to_vector("weights", weights), to_vector("units", units), to_vector("off_block", off_block)};
            interruptible([&] { layer.set_cells(std::move(cells), seed, write); });
          },
          py::arg("weights"), py::arg("units"), py::arg("off_block"), py::arg("seed"), py::arg("write"));
}

/// What the layer is made of.
void register_contents(py::class_<Layer>& bound) {
  bound.def_property_readonly("plan", &plan)
      .def_property_readonly("array_counts", [](const Layer& layer) { return array_counts(layer.hardware(), matrix(layer)); })
      .def_property_readonly("matrix", &matrix)
      .def("conductances",
           [](const Layer& layer) {
             return to_array(interruptible([&] { return layer.conductances(); }), cell_dimensions(layer));
           })
      .def("effective_weight", [](const Layer& layer) {
        return to_array(interruptible([&] { return layer.effective_weight(); }),
                        {static_cast<py::ssize_t>(layer.shape().weight_size())});
      });
}

}  // namespace

void register_layer(py::module_& m) {
  register_report(m);
  register_arrays(m);
  register_shape(m);
  py::class_<Layer> bound(m, "Layer");
  register_devices(bound);
  register_passes(bound);
  register_state(bound);
  register_contents(bound);
}

}  // namespace imperfect
