// SPDX-License-Identifier: BSD-3-Clause
//
// Each thread knows what it takes part in, and whether it is the one that asks.
#include "base/interrupt.hpp"

#include <chrono>
#include <thread>
#include <utility>

namespace imperfect {

using Clock = std::chrono::steady_clock;

struct Interruption {
  std::function<bool()> should_stop;
  Interruption* outer;  ///< what the thread took part in before
  bool outer_asks;
  Clock::time_point next{};  ///< when to ask; none before the clock is looked at for the first time
  std::atomic<bool> is_stopped{false};
};

namespace {

constexpr std::chrono::milliseconds kPeriod{100};
// Why: looking at the clock takes 25 ns, a tenth of a small product.
constexpr double kWorkPerLook = 1e6;

struct Place {
  Interruption* in = nullptr;
  bool asks = false;  ///< its scope is this thread's own
  bool is_asking = false;
  double work = 0.0;  ///< since it last looked at the clock
};

thread_local Place place;

/// Asks if it is time to.
void ask(Place& here) {
  here.work = 0.0;
  const Clock::time_point now = Clock::now();
  if (here.in->next == Clock::time_point{}) here.in->next = now + kPeriod;
  if (now < here.in->next) return;
  here.is_asking = true;
  if (here.in->should_stop()) here.in->is_stopped = true;
  here.is_asking = false;
  here.in->next = Clock::now() + kPeriod;
}

}  // namespace

const char* Interrupted::what() const noexcept { return "the computation was interrupted"; }

InterruptScope::InterruptScope(std::function<bool()> should_stop)
    : own_(new Interruption{std::move(should_stop), place.in, place.asks}) {
  place.in = own_.get();
  place.asks = true;
}

InterruptScope::~InterruptScope() {
  place.in = own_->outer;
  place.asks = own_->outer_asks;
}

void check_interrupt(double work) {
  Place& here = place;
  if (here.in == nullptr || here.is_asking) return;
  here.work += work;
  if (here.asks && here.work >= kWorkPerLook) ask(here);
  if (here.in->is_stopped.load(std::memory_order_relaxed)) throw Interrupted();
}

bool is_asking() { return place.is_asking; }

Interruption* current_interruption() { return place.in; }

InterruptHelper::InterruptHelper(Interruption* shared) : before_(place.in) { place.in = shared; }
InterruptHelper::~InterruptHelper() { place.in = before_; }

void ask_until_finished(const std::atomic<int>& finished, int count) {
  // Why: threads mostly end within a millisecond of each other, and a sleep may last longer than what is left.
  constexpr std::chrono::milliseconds kSpin{1};
  constexpr std::chrono::microseconds kSleep{100};
  Place& here = place;
  if (here.in == nullptr || !here.asks || here.is_asking) return;
  const Clock::time_point start = Clock::now();
  while (finished.load(std::memory_order_acquire) < count) {
    ask(here);
    if (Clock::now() - start < kSpin)
      std::this_thread::yield();
    else
      std::this_thread::sleep_for(kSleep);
  }
}

}  // namespace imperfect
