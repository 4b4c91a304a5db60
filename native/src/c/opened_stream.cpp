#include "c/opened_stream.h"

#include <limits>

#include "c/status.h"

using namespace ecg2lab;
using namespace ecg2lab::c;

namespace {

// What cannot be meant is a mistake of the program.
Stream open(const Model& model, const ecg2lab_recording& format, const ecg2lab_patient& patient,
            const ecg2lab_stream_options& options) {
  try {
    return Stream(model, to_format(format), to_patient(patient), to_options(options));
  } catch (const ArgumentError&) {
    throw;
  } catch (const std::invalid_argument& error) {
    throw ArgumentError(std::string("stream: ") + error.what());
  }
}

}  // namespace

ecg2lab_stream::ecg2lab_stream(std::shared_ptr<const LoadedModel> model, const ecg2lab_recording& format,
                               const ecg2lab_patient& patient, const ecg2lab_stream_options& options)
    : model_(std::move(model)),
      layout_(format),
      source_(to_source(format)),
      stream_(open(model_->model(), format, patient, options)) {}

void ecg2lab_stream::push(const void* samples, std::size_t count) {
  if (count > 0) stream_.push(to_samples(layout_, samples, count));
}

const ecg2lab_stream_state& ecg2lab_stream::describe() {
  const PrepareStream& preparation = stream_.windows().preparation();
  const auto reports = preparation.leads();
  auto leads = std::make_unique<List<ecg2lab_stream_lead>>();
  for (std::size_t i = 0; i < reports.size(); ++i) {
    leads->add({.name = model_->description()->shown().leads[i],
                .derived = reports[i].derived,
                .off = reports[i].lead_off,
                .missing_samples = reports[i].missing_samples,
                .clipped_samples = reports[i].clipped_samples,
                .longest_gap = reports[i].longest_gap});
  }
  leads_ = std::move(leads);
  state_ = {.struct_size = sizeof state_,
            .received_samples = preparation.samples_received(),
            .prepared_samples = preparation.outputs_made(),
            .look_ahead_samples = preparation.look_ahead(),
            .due = stream_.windows().due(),
            .leads = leads_->data(),
            .lead_count = leads_->size()};
  return state_;
}
