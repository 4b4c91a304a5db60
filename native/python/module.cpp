#include "bindings.h"

PYBIND11_MODULE(_core, module) {
  module.doc() = "Native core of ecg2lab. Private: the public calls are in `ecg2lab`.";
  module.attr("version") = ECG2LAB_VERSION;
  ecg2lab::bindings::bind_errors(module);
  ecg2lab::bindings::bind_contract(module);
  ecg2lab::bindings::bind_bundle(module);
  ecg2lab::bindings::bind_zero_phase(module);
  ecg2lab::bindings::bind_recording(module);
  ecg2lab::bindings::bind_files(module);
  ecg2lab::bindings::bind_prepare(module);
  ecg2lab::bindings::bind_prepare_stream(module);
  ecg2lab::bindings::bind_answer(module);
  ecg2lab::bindings::bind_window_stream(module);
  ecg2lab::bindings::bind_quality(module);
  ecg2lab::bindings::bind_features(module);
  ecg2lab::bindings::bind_scan(module);
  ecg2lab::bindings::bind_engine(module);
  ecg2lab::bindings::bind_decide(module);
  ecg2lab::bindings::bind_explain(module);
  ecg2lab::bindings::bind_cpu(module);
  ecg2lab::bindings::bind_computing(module);
}
