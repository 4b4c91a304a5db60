// A caller and its helpers, who share out the tasks of one stage after another.
#pragma once

#include <atomic>
#include <cstddef>
#include <cstdint>
#include <memory>
#include <thread>
#include <vector>

#include "base/process.h"
#include "engine/thread_hooks.h"

namespace ecg2lab {

// The caller can do every task alone: a helper that the system does not let run is waited for only where it has already
// taken a task. Idle helpers sleep; between the stages of a session they spin, for a limited time. They block every
// signal, whose handlers are for the program's own threads.
class Team {
 public:
  // `threads` with the caller; 1 has no helpers. Returns when every helper has run its hook. Throws Error of kind
  // `backend` if the system does not start them.
  explicit Team(std::size_t threads, ThreadHooks hooks = {});
  // In a process that was forked off there are no helpers to wait for.
  ~Team();
  Team(const Team&) = delete;
  Team& operator=(const Team&) = delete;

  std::size_t threads() const { return helpers_->size() + 1; }
  // Whether this process was forked off the one that made it, and has none of its helpers.
  bool is_foreign() const { return process_ != process_id(); }

  // While it lives, helpers stay awake. One at a time; its stages are run by the thread that made it.
  class Session {
   public:
    explicit Session(Team& team) : team_(team) { team_.active_.store(true); }
    ~Session() { team_.active_.store(false); }
    Session(const Session&) = delete;
    Session& operator=(const Session&) = delete;

    // Calls task(index, thread) for each index below `count`, in any order and from any thread, and returns when all
    // have returned. `thread` is below `threads()`, and two calls at once never have the same. A task must not throw.
    template <class Task>
    void run(std::size_t count, const Task& task) {
      team_.run_stage(count, &task, [](const void* context, std::size_t index, std::size_t thread) {
        (*static_cast<const Task*>(context))(index, thread);
      });
    }

   private:
    Team& team_;
  };

 private:
  using Call = void (*)(const void* context, std::size_t index, std::size_t thread);

  void run_stage(std::size_t count, const void* context, Call call);
  bool take_task(std::size_t thread);
  bool has_task() const;
  void help(std::size_t thread);
  void wait_for_task();
  void stop();

  // Number of the stage, count of its tasks, the next one: in one word, so that nobody can take a task of a stage that
  // is over.
  std::atomic<std::uint64_t> ticket_{0};
  std::atomic<std::size_t> done_{0};
  const void* context_ = nullptr;  // of the stage; read only by who has taken one of its tasks
  Call call_ = nullptr;

  std::atomic<bool> active_{false};
  std::atomic<bool> stopping_{false};
  std::atomic<std::uint32_t> alarm_{0};  // changes to wake who sleeps
  std::atomic<std::size_t> sleeping_{0};
  std::atomic<std::size_t> begun_{0};  // helpers that have run their hook
  const ThreadHooks hooks_;
  const long process_ = process_id();
  std::unique_ptr<std::vector<std::thread>> helpers_ = std::make_unique<std::vector<std::thread>>();
};

}  // namespace ecg2lab
