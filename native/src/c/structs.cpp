#include "c/structs.h"

#include <limits>

#include "stream.h"

namespace ecg2lab::c {

ecg2lab_options Versioned<ecg2lab_options>::defaults() {
  ecg2lab_options options{};
  options.struct_size = sizeof options;
  options.threads = 1;
  return options;
}

ecg2lab_recording Versioned<ecg2lab_recording>::defaults() {
  ecg2lab_recording recording{};
  recording.struct_size = sizeof recording;
  return recording;
}

ecg2lab_patient Versioned<ecg2lab_patient>::defaults() {
  constexpr double kUnknown = std::numeric_limits<double>::quiet_NaN();
  return {.struct_size = sizeof(ecg2lab_patient),
          .sex = ECG2LAB_SEX_UNKNOWN,
          .race = ECG2LAB_RACE_UNKNOWN,
          .age = kUnknown,
          .respiratory_per_min = kUnknown,
          .spo2_percent = kUnknown,
          .diastolic_mmhg = kUnknown,
          .systolic_mmhg = kUnknown,
          .heart_rate_bpm = kUnknown,
          .temperature_c = kUnknown,
          .temperature_f = kUnknown,
          .height_cm = kUnknown,
          .weight_kg = kUnknown,
          .bmi = kUnknown};
}

ecg2lab_stream_options Versioned<ecg2lab_stream_options>::defaults() {
  const StreamOptions ours{};
  return {.struct_size = sizeof(ecg2lab_stream_options),
          .hop_s = ours.hop_s,
          .longest_gap_s = ours.longest_gap_s,
          .longest_backlog_s = ours.longest_backlog_s};
}

ecg2lab_call Versioned<ecg2lab_call>::defaults() {
  ecg2lab_call call{};
  call.struct_size = sizeof call;
  return call;
}

ecg2lab_explain_options Versioned<ecg2lab_explain_options>::defaults() {
  ecg2lab_explain_options options{};
  options.struct_size = sizeof options;
  options.segment_s = kUsualSegmentS;
  return options;
}

ecg2lab_hl7 Versioned<ecg2lab_hl7>::defaults() {
  ecg2lab_hl7 fields{};
  fields.struct_size = sizeof fields;
  return fields;
}

ecg2lab_output Versioned<ecg2lab_output>::defaults() {
  ecg2lab_output output{};
  output.struct_size = sizeof output;
  return output;
}

}  // namespace ecg2lab::c
