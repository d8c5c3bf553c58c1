// SPDX-License-Identifier: BSD-3-Clause
//
// A master that has digits recognised by the accelerator: testbench accelerator.txt [results.txt]. It prints every
// transaction with the simulated time at which it ended; the second file gets the exact numbers.
#include <algorithm>
#include <cinttypes>
#include <cstdio>
#include <exception>
#include <fstream>
#include <limits>
#include <string>
#include <systemc>
#include <tlm>
#include <tlm_utils/simple_initiator_socket.h>
#include <utility>
#include <vector>

#include "accelerator.hpp"

namespace {

/// What one inference gave.
struct Result {
  sc_core::sc_time time;  ///< from the start to the interrupt
  double latency = 0.0;
  double energy = 0.0;
  std::vector<float> output;
};

class Testbench : public sc_core::sc_module {
 public:
  tlm_utils::simple_initiator_socket<Testbench> bus;
  sc_core::sc_in<bool> interrupt;
  std::vector<Result> results;
  bool is_right = true;      ///< nothing unexpected happened
  bool is_finished = false;  ///< and everything did

  Testbench(sc_core::sc_module_name name, std::vector<std::vector<float>> inputs, std::vector<int> labels,
            std::size_t num_outputs)
      : sc_module(name),
        bus("bus"),
        interrupt("interrupt"),
        inputs_(std::move(inputs)),
        labels_(std::move(labels)),
        num_outputs_(num_outputs) {
    SC_HAS_PROCESS(Testbench);
    SC_THREAD(run);
  }

 private:
  void run() {
    std::printf("%12s  %-22s %12s  %s\n", "time (ns)", "transaction", "energy (pJ)", "result");
    for (std::size_t i = 0; i < inputs_.size(); ++i) {
      results.push_back(infer(i));
      const std::vector<float>& output = results.back().output;
      const auto digit = std::max_element(output.begin(), output.end()) - output.begin();
      print("read output", results.back().energy, std::to_string(digit) + ", was " + std::to_string(labels_[i]));
    }
    refuse();
    is_finished = true;
    sc_core::sc_stop();
  }

  Result infer(std::size_t i) {
    Result result;
    std::vector<float>& input = inputs_[i];
    require(write(address::kInput, input.data(), input.size() * sizeof(float)), "write input " + std::to_string(i));
    std::uint32_t go = 1, status = 0;
    require(write(address::kStart, &go, sizeof go), "start");
    const sc_core::sc_time begin = sc_core::sc_time_stamp();
    const tlm::tlm_response_status response = read(address::kStatus, &status, sizeof status);
    is_right &= status == static_cast<std::uint32_t>(Status::kBusy);
    require(response, "read status");
    if (!interrupt.read()) wait(interrupt.posedge_event());
    result.time = sc_core::sc_time_stamp() - begin;
    print("interrupt", -1.0, "");
    result.output.resize(num_outputs_);
    is_right &= read(address::kEnergy, &result.energy, sizeof(double)) == tlm::TLM_OK_RESPONSE;
    is_right &= read(address::kLatency, &result.latency, sizeof(double)) == tlm::TLM_OK_RESPONSE;
    is_right &= read(address::kOutput, result.output.data(), num_outputs_ * sizeof(float)) == tlm::TLM_OK_RESPONSE;
    return result;
  }

  /// What the accelerator must not do: each of these gets the response that TLM-2.0 has for it.
  void refuse() {
    std::uint32_t word = 1;
    float value = 0.0f;
    is_right &= write(0x20, &word, sizeof word) == tlm::TLM_ADDRESS_ERROR_RESPONSE;
    is_right &= write(address::kOutput, &value, sizeof value) == tlm::TLM_COMMAND_ERROR_RESPONSE;
    is_right &= read(address::kOutput + 4 * num_outputs_, &value, sizeof value) == tlm::TLM_ADDRESS_ERROR_RESPONSE;
    is_right &= write(address::kStart, &word, sizeof word) == tlm::TLM_OK_RESPONSE;
    is_right &= write(address::kInput, &value, sizeof value) == tlm::TLM_GENERIC_ERROR_RESPONSE;  // it is busy
    wait(interrupt.posedge_event());
    value = std::numeric_limits<float>::quiet_NaN();
    is_right &= write(address::kInput, &value, sizeof value) == tlm::TLM_OK_RESPONSE;
    is_right &= write(address::kStart, &word, sizeof word) == tlm::TLM_OK_RESPONSE;
    wait(interrupt.posedge_event());
    is_right &= read(address::kStatus, &word, sizeof word) == tlm::TLM_OK_RESPONSE;
    is_right &= word == static_cast<std::uint32_t>(Status::kFailed);
    print("wrong accesses", -1.0, is_right ? "refused" : "not all refused");
  }

  tlm::tlm_response_status write(std::uint64_t at, void* data, std::size_t size) {
    return transport(tlm::TLM_WRITE_COMMAND, at, data, size);
  }
  tlm::tlm_response_status read(std::uint64_t at, void* data, std::size_t size) {
    return transport(tlm::TLM_READ_COMMAND, at, data, size);
  }

  tlm::tlm_response_status transport(tlm::tlm_command command, std::uint64_t at, void* data, std::size_t size) {
    tlm::tlm_generic_payload transaction;
    transaction.set_command(command);
    transaction.set_address(at);
    transaction.set_data_ptr(static_cast<unsigned char*>(data));
    transaction.set_data_length(static_cast<unsigned>(size));
    transaction.set_streaming_width(static_cast<unsigned>(size));
    sc_core::sc_time delay = sc_core::SC_ZERO_TIME;
    bus->b_transport(transaction, delay);
    wait(delay);
    return transaction.get_response_status();
  }

  void require(tlm::tlm_response_status response, const std::string& what) {
    is_right &= response == tlm::TLM_OK_RESPONSE;
    print(what, -1.0, response == tlm::TLM_OK_RESPONSE ? "" : "refused");
  }

  static void print(const std::string& what, double energy, const std::string& result) {
    std::printf("%12.0f  %-22s ", sc_core::sc_time_stamp().to_seconds() * 1e9, what.c_str());
    if (energy >= 0.0)
      std::printf("%12.2f", energy * 1e12);
    else
      std::printf("%12s", "");
    std::printf("  %s\n", result.c_str());
  }

  std::vector<std::vector<float>> inputs_;
  std::vector<int> labels_;
  std::size_t num_outputs_;
};

/// One line for each inference: simulated picoseconds, latency, energy, outputs.
void write_results(const char* path, const std::vector<Result>& results) {
  std::ofstream file(path);
  file.precision(17);
  for (const Result& result : results) {
    file << result.time.value() << ' ' << result.latency << ' ' << result.energy;
    for (const float value : result.output) file << ' ' << value;
    file << '\n';
  }
}

int run(int argc, char** argv) {
  if (argc < 2 || argc > 3) {
    std::fprintf(stderr, "usage: testbench accelerator.txt [results.txt]\n");
    return 2;
  }
  Description description = load(argv[1]);
  const auto num_outputs = static_cast<std::size_t>(description.layers.back().arrays.shape().out_channels);
  sc_core::sc_signal<bool> interrupt("interrupt");
  Accelerator accelerator("accelerator", std::move(description.layers), sc_core::sc_time(1, sc_core::SC_NS));
  Testbench testbench("testbench", std::move(description.tests), std::move(description.labels), num_outputs);
  testbench.bus.bind(accelerator.bus);
  accelerator.interrupt(interrupt);
  testbench.interrupt(interrupt);
  sc_core::sc_start();
  double energy = 0.0;
  for (const Result& result : testbench.results) energy += result.energy;
  std::printf("%zu inferences, %.2f pJ each\n", testbench.results.size(),
              1e12 * energy / static_cast<double>(testbench.results.size()));
  if (argc == 3) write_results(argv[2], testbench.results);
  return testbench.is_right && testbench.is_finished ? 0 : 1;
}

}  // namespace

int sc_main(int argc, char** argv) {
  try {
    return run(argc, argv);
  } catch (const std::exception& error) {
    std::fprintf(stderr, "%s\n", error.what());
    return 1;
  }
}
