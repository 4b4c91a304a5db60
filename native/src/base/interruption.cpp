#include "base/interruption.h"

namespace ecg2lab {
namespace {

thread_local const Interruptible* innermost = nullptr;

}  // namespace

const char* Interrupted::what() const noexcept {
  return why_ == Why::deadline ? "the call's deadline passed before it had an answer" : "the call was cancelled";
}

Interruptible::Interruptible(std::optional<Clock::time_point> deadline, const std::atomic<bool>* cancelled) noexcept
    : deadline_(deadline), cancelled_(cancelled), outer_(innermost) {
  innermost = this;
}

Interruptible::~Interruptible() { innermost = outer_; }

void Interruptible::check() const {
  if (cancelled_ != nullptr && cancelled_->load()) throw Interrupted(Interrupted::Why::cancelled);
  if (deadline_ && Clock::now() >= *deadline_) throw Interrupted(Interrupted::Why::deadline);
}

void check_interruption() {
  if (innermost != nullptr) innermost->check();
}

}  // namespace ecg2lab
