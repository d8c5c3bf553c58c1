// SPDX-License-Identifier: BSD-3-Clause
//
// The bus side answers every access at its own time; a thread computes, layer after layer.
#include "accelerator.hpp"

#include <algorithm>
#include <cstring>
#include <exception>
#include <utility>

namespace {

template <class T>
unsigned char* bytes_of(T* data) {
  return reinterpret_cast<unsigned char*>(data);
}

}  // namespace

Accelerator::Accelerator(sc_core::sc_module_name name, std::vector<AnalogLayer> layers, const sc_core::sc_time& word_time)
    : sc_module(name), bus("bus"), interrupt("interrupt"), layers_(std::move(layers)), word_time_(word_time) {
  input_.resize(static_cast<std::size_t>(layers_.front().arrays.shape().in_channels));
  output_.resize(static_cast<std::size_t>(layers_.back().arrays.shape().out_channels));
  windows_ = {{address::kStart, bytes_of(&registers_.start), sizeof registers_.start, true},
              {address::kStatus, bytes_of(&registers_.status), sizeof registers_.status, false},
              {address::kInferences, bytes_of(&registers_.inferences), sizeof registers_.inferences, false},
              {address::kEnergy, bytes_of(&registers_.energy), sizeof registers_.energy, false},
              {address::kLatency, bytes_of(&registers_.latency), sizeof registers_.latency, false},
              {address::kInput, bytes_of(input_.data()), input_.size() * sizeof(float), true},
              {address::kOutput, bytes_of(output_.data()), output_.size() * sizeof(float), false}};
  bus.register_b_transport(this, &Accelerator::b_transport);
  SC_HAS_PROCESS(Accelerator);
  SC_THREAD(compute);
  SC_METHOD(drive_interrupt);
  sensitive << changed_;
}

void Accelerator::b_transport(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay) {
  // Why: what an access finds depends on when it happens, so that masters that run ahead of the simulation wait here.
  const unsigned words = (transaction.get_data_length() + 3) / 4;
  wait(delay + words * word_time_);
  delay = sc_core::SC_ZERO_TIME;
  transaction.set_response_status(access(transaction));
}

tlm::tlm_response_status Accelerator::access(tlm::tlm_generic_payload& transaction) {
  if (transaction.get_byte_enable_ptr() != nullptr) return tlm::TLM_BYTE_ENABLE_ERROR_RESPONSE;
  const std::size_t length = transaction.get_data_length();
  if (transaction.get_streaming_width() < length) return tlm::TLM_BURST_ERROR_RESPONSE;
  const std::uint64_t begin = transaction.get_address();
  const Window* const window = find(begin, length);
  if (window == nullptr) return tlm::TLM_ADDRESS_ERROR_RESPONSE;
  unsigned char* const data = window->data + (begin - window->begin);
  if (transaction.is_read()) {
    std::memcpy(transaction.get_data_ptr(), data, length);
    return tlm::TLM_OK_RESPONSE;
  }
  if (!transaction.is_write() || !window->is_writable) return tlm::TLM_COMMAND_ERROR_RESPONSE;
  if (registers_.status == Status::kBusy) return tlm::TLM_GENERIC_ERROR_RESPONSE;
  std::memcpy(data, transaction.get_data_ptr(), length);
  if (window->begin == address::kStart) start();
  return tlm::TLM_OK_RESPONSE;
}

const Accelerator::Window* Accelerator::find(std::uint64_t begin, std::size_t length) const {
  for (const Window& window : windows_)
    if (begin >= window.begin && begin - window.begin <= window.size && length <= window.size - (begin - window.begin))
      return length > 0 ? &window : nullptr;
  return nullptr;
}

void Accelerator::start() {
  registers_.status = Status::kBusy;
  ++registers_.inferences;
  changed_.notify();
  started_.notify();
}

void Accelerator::compute() {
  for (;;) {
    wait(started_);
    // Why: the interrupt must be seen to fall, also where the input is refused at once.
    wait(sc_core::SC_ZERO_TIME);
    Status status = Status::kDone;
    try {
      run_layers();
    } catch (const std::exception& error) {  // an input that is not finite, for instance
      SC_REPORT_WARNING(name(), error.what());
      status = Status::kFailed;
    }
    registers_.status = status;
    changed_.notify(sc_core::SC_ZERO_TIME);
  }
}

void Accelerator::run_layers() {
  registers_.energy = registers_.latency = 0.0;
  std::vector<float> x = input_;
  for (const AnalogLayer& layer : layers_) {
    // Read noise is keyed by the number of the inference, so that every run of the simulation has the same bits.
    std::vector<float> y = layer.multiply(x, registers_.inferences - 1);
    registers_.energy += layer.energy(x);
    registers_.latency += layer.cost.latency;
    wait(sc_core::sc_time(layer.cost.latency, sc_core::SC_SEC));
    if (&layer == &layers_.back()) std::copy(y.begin(), y.end(), output_.begin());
    rectify(y);
    x = std::move(y);
  }
}

void Accelerator::drive_interrupt() {
  interrupt.write(registers_.status == Status::kDone || registers_.status == Status::kFailed);
}
