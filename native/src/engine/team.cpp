#include "engine/team.h"

#ifndef _WIN32
#include <pthread.h>

#include <csignal>
#endif

#include <chrono>
#include <stdexcept>
#include <string>
#include <system_error>

#include "base/errors.h"
#include "base/float_environment.h"

#if defined(__x86_64__) || defined(_M_X64)
#include <immintrin.h>
#endif

namespace ecg2lab {
namespace {

constexpr int kCountBits = 20;
constexpr std::uint64_t kCountMask = (std::uint64_t{1} << kCountBits) - 1;

std::size_t next_of(std::uint64_t ticket) { return static_cast<std::size_t>(ticket & kCountMask); }
std::size_t count_of(std::uint64_t ticket) { return static_cast<std::size_t>((ticket >> kCountBits) & kCountMask); }

void pause_briefly() {
#if defined(__x86_64__) || defined(_M_X64)
  _mm_pause();
#elif defined(__aarch64__) && defined(__GNUC__)
  __asm__ volatile("yield");
#endif
}

// Longer than any wait between two stages on a quiet machine, and short beside a time slice of the scheduler.
constexpr std::chrono::microseconds kSpin{200};

// Until `ready` or for kSpin; returns whether it was ready.
template <class Ready>
bool spin(const Ready& ready) {
  const auto end = std::chrono::steady_clock::now() + kSpin;
  do {
    for (int i = 0; i < 64; ++i) {
      if (ready()) return true;
      pause_briefly();
    }
  } while (std::chrono::steady_clock::now() < end);
  return ready();
}

// While one lives, this thread blocks every signal that the program may send, and those that it starts do so from their
// first instant to their end. Signals of a fault, which a thread only gets of itself, stay open: the program's handler
// of them, or a runtime that the thread is attached to, is to know.
class NoSignals {
 public:
#ifdef _WIN32
  NoSignals() = default;
  ~NoSignals() {}
#else
  NoSignals() {
    sigset_t all;
    sigfillset(&all);
    for (const int fault : {SIGSEGV, SIGBUS, SIGFPE, SIGILL, SIGTRAP}) sigdelset(&all, fault);
    pthread_sigmask(SIG_SETMASK, &all, &before_);
  }
  ~NoSignals() { pthread_sigmask(SIG_SETMASK, &before_, nullptr); }
#endif
  NoSignals(const NoSignals&) = delete;
  NoSignals& operator=(const NoSignals&) = delete;

#ifndef _WIN32
 private:
  sigset_t before_;
#endif
};

// As debuggers and `top` show it.
void name_thread([[maybe_unused]] std::size_t thread) {
#ifdef __linux__
  pthread_setname_np(pthread_self(), ("ecg2lab-" + std::to_string(thread)).c_str());
#endif
}

}  // namespace

Team::Team(std::size_t threads, ThreadHooks hooks) : hooks_(std::move(hooks)) {
  if (threads == 0) throw std::invalid_argument("at least one thread is needed");
  try {
    const NoSignals inherited;
    for (std::size_t thread = 1; thread < threads; ++thread) helpers_->emplace_back([this, thread] { help(thread); });
  } catch (const std::system_error& error) {
    stop();
    throw Error(ErrorKind::backend, "cannot start " + std::to_string(threads) + " threads: " + error.what());
  } catch (...) {
    stop();  // those that were started must end before their team does
    throw;
  }
  for (std::size_t begun = begun_.load(); begun < helpers_->size(); begun = begun_.load()) begun_.wait(begun);
}

Team::~Team() {
  if (is_foreign()) {
    static_cast<void>(helpers_.release());  // neither joined nor detached: they are not there
  } else {
    stop();
  }
}

void Team::stop() {
  stopping_.store(true);
  alarm_.fetch_add(1);
  alarm_.notify_all();
  for (std::thread& helper : *helpers_) helper.join();
}

void Team::run_stage(std::size_t count, const void* context, Call call) {
  if (helpers_->empty() || count == 1) {
    for (std::size_t index = 0; index < count; ++index) call(context, index, 0);
    return;
  }
  if (count > kCountMask) throw std::invalid_argument("a stage has too many tasks");
  context_ = context;
  call_ = call;
  done_.store(0, std::memory_order_relaxed);
  const std::uint64_t stage = (ticket_.load(std::memory_order_relaxed) >> (2 * kCountBits)) + 1;
  ticket_.store((stage << (2 * kCountBits)) | (static_cast<std::uint64_t>(count) << kCountBits));
  if (sleeping_.load() > 0) {
    alarm_.fetch_add(1);
    alarm_.notify_all();
  }
  while (take_task(0)) {
  }
  const auto finished = [&] { return done_.load(std::memory_order_acquire) == count; };
  if (spin(finished)) return;
  for (std::size_t done = done_.load(std::memory_order_acquire); done != count;
       done = done_.load(std::memory_order_acquire)) {
    done_.wait(done, std::memory_order_acquire);
  }
}

bool Team::has_task() const {
  const std::uint64_t ticket = ticket_.load();
  return next_of(ticket) < count_of(ticket);
}

bool Team::take_task(std::size_t thread) {
  std::uint64_t ticket = ticket_.load(std::memory_order_acquire);
  do {
    if (next_of(ticket) >= count_of(ticket)) return false;
  } while (!ticket_.compare_exchange_weak(ticket, ticket + 1, std::memory_order_acq_rel));
  call_(context_, next_of(ticket), thread);
  const std::size_t count = count_of(ticket);
  if (done_.fetch_add(1, std::memory_order_acq_rel) + 1 == count && thread != 0) done_.notify_one();
  return true;
}

void Team::help(std::size_t thread) {
  name_thread(thread);
  if (hooks_.begin) hooks_.begin(thread);
  begun_.fetch_add(1);
  begun_.notify_one();
  {
    const FloatEnvironment floats(Denormals::flush);
    while (!stopping_.load()) {
      if (!take_task(thread)) wait_for_task();
    }
  }
  if (hooks_.end) hooks_.end(thread);
}

void Team::wait_for_task() {
  const auto called = [this] { return has_task() || stopping_.load() || !active_.load(); };
  if (active_.load() && spin(called) && has_task()) return;
  const std::uint32_t before = alarm_.load();
  sleeping_.fetch_add(1);
  if (!has_task() && !stopping_.load()) alarm_.wait(before);  // a stage published before this line is seen by it
  sleeping_.fetch_sub(1);
}

}  // namespace ecg2lab
