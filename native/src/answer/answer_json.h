// The JSON of an answer, written here for C programs and Python alike; sdk/ecg2lab/prediction.schema.json describes it.
#pragma once

#include <string>

#include "answer/explain.h"
#include "answer/notes.h"

namespace ecg2lab {

// One line, without its end.
std::string to_json(const PredictionNote& prediction);
std::string to_json(const RefusalNote& refusal);
std::string to_json(const Named<std::string>& texts);
std::string to_json(const std::vector<Explanation>& explanations);

}  // namespace ecg2lab
