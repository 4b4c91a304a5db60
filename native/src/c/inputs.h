// What a caller hands in, checked as far as it can be, in the core's types.
#pragma once

#include "ecg2lab.h"
#include "model.h"

namespace ecg2lab::c {

// Each throws ArgumentError on what only a mistake of the program can bring about.
ModelOptions to_options(const ecg2lab_options& given);
RawRecording to_raw_recording(const ecg2lab_recording& given);
Patient to_patient(const ecg2lab_patient& given);

// Names and values, copied.
using SourceFields = std::vector<std::pair<std::string, std::string>>;
SourceFields to_source(const ecg2lab_recording& given);

}  // namespace ecg2lab::c
