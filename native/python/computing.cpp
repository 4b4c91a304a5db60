#include <chrono>
#include <thread>

#include "base/process.h"
#include "bindings.h"

namespace ecg2lab::bindings {

// A process that was forked off has none of the threads that computed then.
Computing& Computing::of_process() {
  static Computing computing;
  if (computing.process_ != process_id()) {
    computing = {};
    computing.process_ = process_id();
  }
  return computing;
}

bool Computing::begin() {
  Computing& computing = of_process();
  if (!computing.ending_) ++computing.threads_;
  return !computing.ending_;
}

void Computing::end() { --of_process().threads_; }

void bind_computing(py::module_& module) {
  module.def("begin_computing", &Computing::begin);
  module.def("end_computing", &Computing::end);
  py::module_::import("atexit").attr("register")(py::cpp_function([] {
    Computing::of_process().ending_ = true;
    while (Computing::of_process().threads_ > 0) {
      const py::gil_scoped_release release;
      std::this_thread::sleep_for(std::chrono::milliseconds(1));
    }
  }));
}

}  // namespace ecg2lab::bindings
