// An answer as a message of HL7 v2.5.1, ORU^R01 (chapter 7 of the standard); docs/conformance.md lays it out.
#pragma once

#include <string>
#include <string_view>

#include "answer/notes.h"

namespace ecg2lab {

// What an answer does not know: who sends and receives, whose it is, what was ordered. UTF-8; what is empty is left
// out.
struct Hl7Envelope {
#define ECG2LAB_HL7_TEXT(name, longest, usual) std::string name = usual;
#include "answer/hl7_fields.inc"
#undef ECG2LAB_HL7_TEXT
  std::string_view document = {};  // such as a PDF
};

// Sets what `name` calls, as the fields above are called. Throws std::invalid_argument if nothing is called so.
void set_field(Hl7Envelope& envelope, std::string_view name, std::string_view value);

// Segments end with a carriage return. Throws std::invalid_argument where something is longer than its field in the
// standard, or is no time or code: nothing is cut off.
std::string to_hl7(const PredictionNote& prediction, const Hl7Envelope& envelope);
// That there is no answer, and why.
std::string to_hl7(const RefusalNote& refusal, const EngineNote& engine, const Hl7Envelope& envelope);

}  // namespace ecg2lab
