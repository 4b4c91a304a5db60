// How a call stops before its end: after a deadline, or when its caller asks.
#pragma once

#include <atomic>
#include <chrono>
#include <exception>
#include <optional>

namespace ecg2lab {

// Not an Error: nothing was wrong with what was asked.
class Interrupted : public std::exception {
 public:
  enum class Why { deadline, cancelled };
  explicit Interrupted(Why why) : why_(why) {}
  Why why() const { return why_; }
  const char* what() const noexcept override;

 private:
  Why why_;
};

// While one lives, `check_interruption` of this thread heeds it, and no outer one.
class Interruptible {
 public:
  using Clock = std::chrono::steady_clock;
  // `cancelled`: null, or true when the caller wants no answer any more.
  Interruptible(std::optional<Clock::time_point> deadline, const std::atomic<bool>* cancelled) noexcept;
  ~Interruptible();
  Interruptible(const Interruptible&) = delete;
  Interruptible& operator=(const Interruptible&) = delete;

  void check() const;

 private:
  std::optional<Clock::time_point> deadline_;
  const std::atomic<bool>* cancelled_;
  const Interruptible* outer_;
};

// Throws Interrupted if this thread's call is to stop. Between two steps of some milliseconds, where nothing is half
// done that another call would find.
void check_interruption();

}  // namespace ecg2lab
