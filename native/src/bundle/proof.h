// What was proved of a bundle when it was exported: its `parity.json`, read as sdk/ecg2lab/parity.py reads it.
#pragma once

#include "bundle/bundle.h"

namespace ecg2lab {

// Throws Error of kind `bundle` if the proof is malformed, of another form or precision than the bundle, or tells of a
// failure; of kind `backend`, with the reason, if the export left this engine out.
void require_proof(const Bundle& bundle);

}  // namespace ecg2lab
