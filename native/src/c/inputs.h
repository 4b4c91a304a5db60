// What a caller hands in, checked as far as it can be, in the core's types.
#pragma once

#include "answer/hl7.h"
#include "ecg2lab.h"
#include "model.h"
#include "stream.h"

namespace ecg2lab::c {

// Each throws ArgumentError on what only a mistake of the program can bring about.
ModelOptions to_options(const ecg2lab_options& options);
RawRecording to_raw_recording(const ecg2lab_recording& recording);
RecordingFormat to_format(const ecg2lab_recording& recording);
// The samples of one push, of which `recording` says all but where they are and how many; there is one at least.
RawSamples to_samples(const ecg2lab_recording& recording, const void* samples, std::size_t count);
StreamOptions to_options(const ecg2lab_stream_options& options);
// Positions of the targets in the contract.
std::vector<std::size_t> to_targets(const ecg2lab_explain_options& options, const Contract& contract);
Patient to_patient(const ecg2lab_patient& patient);

// Names and values, copied.
using SourceFields = std::vector<std::pair<std::string, std::string>>;
SourceFields to_source(const ecg2lab_recording& recording);

// What is NULL keeps its default.
Hl7Envelope to_envelope(const ecg2lab_hl7& fields);

}  // namespace ecg2lab::c
