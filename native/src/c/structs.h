// Structs that a caller filled, of any version up to ours.
#pragma once

#include <cstddef>
#include <cstring>
#include <string>

#include "c/status.h"

namespace ecg2lab::c {

// For each such struct: its name, its defaults, and where its shortest version ends.
template <typename T>
struct Versioned;

template <typename T>
void check_size(std::size_t size) {
  if (size >= Versioned<T>::kShortest && size <= sizeof(T) && size % alignof(T) == 0) return;
  throw ArgumentError(std::string(Versioned<T>::kName) + ": struct_size is " + std::to_string(size) +
                      ", and this library knows " + std::to_string(Versioned<T>::kShortest) + " to " +
                      std::to_string(sizeof(T)) + " (was it set by " + Versioned<T>::kName + "_init?)");
}

// Sets the fields that the caller's version has.
template <typename T>
void initialise(T* target, std::size_t size) {
  if (target == nullptr) throw ArgumentError(std::string(Versioned<T>::kName) + " is NULL");
  check_size<T>(size);
  T values = Versioned<T>::defaults();
  values.struct_size = size;
  std::memcpy(static_cast<void*>(target), &values, size);
}

// The caller's fields, and defaults for those that its version does not have.
template <typename T>
T read(const T* from) {
  if (from == nullptr) throw ArgumentError(std::string(Versioned<T>::kName) + " is NULL");
  std::size_t size = 0;
  std::memcpy(&size, from, sizeof size);
  check_size<T>(size);
  T values = Versioned<T>::defaults();
  std::memcpy(static_cast<void*>(&values), from, size);
  return values;
}

template <>
struct Versioned<ecg2lab_options> {
  static constexpr const char* kName = "ecg2lab_options";
  static constexpr std::size_t kShortest = offsetof(ecg2lab_options, threads);
  static ecg2lab_options defaults();
};

template <>
struct Versioned<ecg2lab_recording> {
  static constexpr const char* kName = "ecg2lab_recording";
  static constexpr std::size_t kShortest = offsetof(ecg2lab_recording, lead_stride);
  static ecg2lab_recording defaults();
};

template <>
struct Versioned<ecg2lab_patient> {
  static constexpr const char* kName = "ecg2lab_patient";
  static constexpr std::size_t kShortest = offsetof(ecg2lab_patient, age);
  static ecg2lab_patient defaults();
};

template <>
struct Versioned<ecg2lab_stream_options> {
  static constexpr const char* kName = "ecg2lab_stream_options";
  static constexpr std::size_t kShortest = offsetof(ecg2lab_stream_options, longest_gap_s);
  static ecg2lab_stream_options defaults();
};

template <>
struct Versioned<ecg2lab_call> {
  static constexpr const char* kName = "ecg2lab_call";
  static constexpr std::size_t kShortest = sizeof(ecg2lab_call);
  static ecg2lab_call defaults();
};

template <>
struct Versioned<ecg2lab_explain_options> {
  static constexpr const char* kName = "ecg2lab_explain_options";
  static constexpr std::size_t kShortest = sizeof(ecg2lab_explain_options);
  static ecg2lab_explain_options defaults();
};

template <>
struct Versioned<ecg2lab_hl7> {
  static constexpr const char* kName = "ecg2lab_hl7";
  static constexpr std::size_t kShortest = sizeof(ecg2lab_hl7);
  static ecg2lab_hl7 defaults();
};

template <>
struct Versioned<ecg2lab_output> {
  static constexpr const char* kName = "ecg2lab_output";
  static constexpr std::size_t kShortest = sizeof(ecg2lab_output);
  static ecg2lab_output defaults();
};

}  // namespace ecg2lab::c
