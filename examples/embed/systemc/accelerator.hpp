// SPDX-License-Identifier: BSD-3-Clause
//
// An accelerator as a SystemC module: several analog layers behind registers on a TLM-2.0 socket. A master writes an input
// vector, starts, waits for the interrupt or polls the status, and reads the output. Latency and energy of every inference
// are those of the layers; the bus takes a time of its own.
#pragma once

#include <cstddef>
#include <cstdint>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_target_socket.h>
#include <vector>

#include "analog_layers.hpp"

/// Registers and buffers, by byte address. Integers are 32 or 64 bits, energies and latencies doubles, values float32.
namespace address {
constexpr std::uint64_t kStart = 0x00;       // u32, write: any value starts an inference
constexpr std::uint64_t kStatus = 0x04;      // u32, read: one of `Status`
constexpr std::uint64_t kInferences = 0x08;  // u64, read: started so far
constexpr std::uint64_t kEnergy = 0x10;      // f64, read: joule, of the last inference
constexpr std::uint64_t kLatency = 0x18;     // f64, read: seconds, of the last inference
constexpr std::uint64_t kInput = 0x1000;     // f32 values, read and write
constexpr std::uint64_t kOutput = 0x10000;   // f32 values, read
}  // namespace address

enum class Status : std::uint32_t { kIdle = 0, kBusy = 1, kDone = 2, kFailed = 3 };

class Accelerator : public sc_core::sc_module {
 public:
  tlm_utils::simple_target_socket<Accelerator> bus;
  sc_core::sc_out<bool> interrupt;  ///< rises when an inference ends, falls when one starts

  /// `word_time` is what the bus takes for four bytes.
  Accelerator(sc_core::sc_module_name name, std::vector<AnalogLayer> layers, const sc_core::sc_time& word_time);

 private:
  struct Registers {
    std::uint32_t start = 0;
    Status status = Status::kIdle;
    std::uint64_t inferences = 0;
    double energy = 0.0;
    double latency = 0.0;
  };

  /// Memory behind a range of addresses.
  struct Window {
    std::uint64_t begin;
    unsigned char* data;
    std::size_t size;
    bool is_writable;
  };

  void b_transport(tlm::tlm_generic_payload& transaction, sc_core::sc_time& delay);
  tlm::tlm_response_status access(tlm::tlm_generic_payload& transaction);
  /// Where all `length` bytes from an address lie; nothing if they are not in one window.
  const Window* find(std::uint64_t begin, std::size_t length) const;
  void start();
  void compute();  // a thread of the simulation
  void run_layers();
  void drive_interrupt();

  std::vector<AnalogLayer> layers_;
  sc_core::sc_time word_time_;
  Registers registers_;
  std::vector<float> input_, output_;
  std::vector<Window> windows_;
  sc_core::sc_event started_, changed_;
};
