// Preparation as a contract wants it, of a whole recording and of a signal that is still coming in.
#pragma once

#include <string>
#include <vector>

#include "contract/contract.h"
#include "prepare/prepare.h"
#include "prepare/recording.h"
#include "prepare/window_stream.h"

namespace ecg2lab {

struct StreamOptions {
  double hop_s = 1;              // from one window to the next; a whole number of samples at the model's rate
  double longest_gap_s = 0;      // a lead without values for so long is off, and its windows are refused; 0: a window
  double longest_backlog_s = 0;  // of signal, that may wait behind a window that is due; 0: ten minutes
};

PrepareOptions prepare_options(const Contract& contract);

// Throws Error of kind `recording` if leads are missing, samples are infinite, or rate or length allow no filter or
// resampling that the contract wants.
Prepared prepare(const Recording& recording, const Contract& contract, bool measure_quality = true);

// Seconds. Throws std::invalid_argument on a limit that is not between 0 and a window.
double gap_limit(const StreamOptions& options, const Contract& contract);

// Seconds. Throws std::invalid_argument on a limit that is not between 0 and a day.
double backlog_limit(const StreamOptions& options);

// The windows of a stream. Throws Error of kind `recording` if its leads or rate cannot be used, `backend` if the model
// filters, and std::invalid_argument on options that cannot be meant.
WindowStream open_windows(const Contract& contract, const std::vector<std::string>& recorded_leads,
                          double recorded_rate_hz, const StreamOptions& options);

}  // namespace ecg2lab
