// An answer as a message of HL7 v2.5.1, ORU^R01 (chapter 7 of the standard); docs/conformance.md lays it out.
#pragma once

#include <string>
#include <string_view>

#include "answer/notes.h"

namespace ecg2lab {

// What an answer does not know: who sends and receives, whose it is, what was ordered. UTF-8; what is empty is left
// out.
struct Hl7Envelope {
  std::string sending_application = "ecg2lab";
  std::string sending_facility = {};
  std::string receiving_application = {};
  std::string receiving_facility = {};
  std::string control_id = {};  // empty: from everything else in the message but `time`
  std::string time = {};        // of the message, and this and the next two as YYYY[MM[DD[HHMM[SS]]]][±ZZZZ]
  std::string observed = {};    // when the ECG was taken
  std::string birth_date = {};
  std::string processing_id = "P";  // production; D debugging, T training
  std::string patient_id = {};
  std::string patient_authority = {};  // that assigned it
  std::string family_name = {};
  std::string given_name = {};
  std::string sex = {};            // of table 0001
  std::string patient_class = {};  // of table 0004
  std::string location = {};       // point of care
  std::string visit_number = {};
  std::string placer_order = {};
  std::string filler_order = {};  // empty: the control id
  std::string accession = {};
  std::string result_status = "R";  // of table 0123: entered, not verified
  std::string abnormal_flag = "A";  // of what is flagged; empty: none
  std::string device = {};          // empty: name and version of this program
  std::string_view document = {};   // such as a PDF
  std::string document_type = "AP";
  std::string document_subtype = "PDF";
};

// Sets what `name` calls, as the fields above are called. Throws std::invalid_argument if nothing is called so.
void set_field(Hl7Envelope& envelope, std::string_view name, std::string_view value);

// Segments end with a carriage return. Throws std::invalid_argument where something is longer than its field in the
// standard, or is no time or code: nothing is cut off.
std::string to_hl7(const PredictionNote& prediction, const Hl7Envelope& envelope);
// That there is no answer, and why.
std::string to_hl7(const RefusalNote& refusal, const EngineNote& engine, const Hl7Envelope& envelope);

}  // namespace ecg2lab
