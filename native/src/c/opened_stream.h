// A stream with its state in the structs of the C interface.
#pragma once

#include <memory>

#include "c/inputs.h"
#include "c/list.h"
#include "c/loaded_model.h"
#include "ecg2lab.h"
#include "stream.h"

// It holds its model.
struct ecg2lab_stream {
 public:
  // Throws as ecg2lab::Stream does.
  ecg2lab_stream(std::shared_ptr<const ecg2lab::c::LoadedModel> model, const ecg2lab_recording& format,
                 const ecg2lab_patient& patient, const ecg2lab_stream_options& options);

  void push(const void* samples, std::size_t count);
  ecg2lab::Stream& stream() { return stream_; }
  const ecg2lab::Stream& stream() const { return stream_; }
  const std::shared_ptr<const ecg2lab::c::LoadedModel>& model() const { return model_; }
  const ecg2lab::c::SourceFields& source() const { return source_; }
  const ecg2lab_stream_state& describe();

 private:
  std::shared_ptr<const ecg2lab::c::LoadedModel> model_;
  ecg2lab_recording layout_;  // of its pointers none is followed again
  ecg2lab::c::SourceFields source_;
  ecg2lab::Stream stream_;
  std::unique_ptr<ecg2lab::c::List<ecg2lab_stream_lead>> leads_;
  ecg2lab_stream_state state_{};
};
