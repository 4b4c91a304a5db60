// How an exception becomes a status and a message.
#pragma once

#include <new>
#include <stdexcept>

#include "base/errors.h"
#include "ecg2lab.h"

namespace ecg2lab::c {

// A caller's mistake: a null pointer, a wrong struct size, an unknown code.
class ArgumentError : public std::invalid_argument {
 public:
  using std::invalid_argument::invalid_argument;
};

ecg2lab_status status_of(ErrorKind kind);

// The calling thread's message. It lies in memory that is always there, so that running out of memory can be said too;
// a longer message is cut.
void clear_message() noexcept;
ecg2lab_status fail(ecg2lab_status status, const char* message) noexcept;
const char* message() noexcept;

// Runs `work`, which returns a status; no exception leaves.
template <typename Work>
ecg2lab_status guarded(Work&& work) noexcept {
  clear_message();
  try {
    return work();
  } catch (const ArgumentError& error) {
    return fail(ECG2LAB_ERROR_ARGUMENT, error.what());
  } catch (const Error& error) {
    return fail(status_of(error.kind()), error.what());
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

}  // namespace ecg2lab::c
