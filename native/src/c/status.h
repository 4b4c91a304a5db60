// How an exception becomes a status and a message.
#pragma once

#include <new>
#include <span>
#include <stdexcept>

#include "base/errors.h"
#include "base/float_environment.h"
#include "base/interruption.h"
#include "ecg2lab.h"

namespace ecg2lab::c {

// A caller's mistake: a null pointer, a wrong struct size, an unknown code.
class ArgumentError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

ecg2lab_status status_of(ErrorKind kind);

// The calling thread's message. It lies in memory that is always there, so that running out of memory can be said too;
// a longer message is cut. Nothing has to be released when a thread ends, which would keep the library loaded until
// then.
void clear_message() noexcept;
ecg2lab_status fail(ecg2lab_status status, const char* message) noexcept;  // of no code
ecg2lab_status fail(ecg2lab_status status, const char* message, std::span<const Message> parts) noexcept;
const char* message() noexcept;
std::span<const ecg2lab_message* const> messages() noexcept;
// The same, as a result has it.
ecg2lab_status fail(ecg2lab_status status, const char* message, std::span<const ecg2lab_message* const> parts) noexcept;

// What the last call of a thread said, in fixed memory. Its structs point into it, so that a copy is only good for
// putting it back.
struct LastMessages {
  static constexpr std::size_t kLongest = 1024, kMost = 16, kMostParameters = 48, kText = 6144;

  char line[kLongest];
  std::size_t count, parameter_count, used;
  ecg2lab_message messages[kMost];
  const ecg2lab_message* list[kMost];
  ecg2lab_parameter parameters[kMostParameters];
  const ecg2lab_parameter* parameter_list[kMostParameters];
  char text[kText];
};

// While one lives, this thread computes as the library wants it.
class Inside {
 public:
  Inside() noexcept;
  ~Inside();
  Inside(const Inside&) = delete;
  Inside& operator=(const Inside&) = delete;

 private:
  friend class Outside;
  FloatEnvironment floats_;
  const Inside* outer_;
};

// While one lives within a call, code of the program may run: it computes as the program does, and what it calls here
// leaves the call's message alone.
class Outside {
 public:
  Outside() noexcept;
  ~Outside();
  Outside(const Outside&) = delete;
  Outside& operator=(const Outside&) = delete;

 private:
  FloatEnvironment floats_;
  LastMessages messages_;
};

// Runs `work`, which returns a status; no exception leaves.
template <typename Work>
ecg2lab_status caught(Work&& work) noexcept {
  try {
    return work();
  } catch (const ArgumentError& error) {
    return fail(ECG2LAB_ERROR_ARGUMENT, error.what());
  } catch (const Error& error) {
    return fail(status_of(error.kind()), error.what(), error.messages());
  } catch (const Interrupted& stop) {
    const bool late = stop.why() == Interrupted::Why::deadline;
    return fail(late ? ECG2LAB_ERROR_DEADLINE : ECG2LAB_ERROR_CANCELLED, stop.what());
  } catch (const std::bad_alloc&) {
    return fail(ECG2LAB_ERROR_MEMORY, "out of memory");
  } catch (const std::length_error&) {  // a size beyond what any container holds
    return fail(ECG2LAB_ERROR_MEMORY, "out of memory");
  } catch (const std::exception& error) {
    return fail(ECG2LAB_ERROR_INTERNAL, error.what());
  } catch (...) {
    return fail(ECG2LAB_ERROR_INTERNAL, "an unknown exception");
  }
}

// A call that returns a status.
template <typename Work>
ecg2lab_status guarded(Work&& work) noexcept {
  const Inside inside;
  clear_message();
  return caught(work);
}

// A call that returns what `work` does, a pointer: the message stays that of an earlier one unless this fails.
template <typename Work>
auto or_null(Work&& work) noexcept -> decltype(work()) {
  const Inside inside;
  decltype(work()) pointer = nullptr;
  caught([&] {
    pointer = work();
    return ECG2LAB_OK;
  });
  return pointer;
}

}  // namespace ecg2lab::c
