#include "bundle/proof.h"

#include <algorithm>

#include "base/errors.h"
#include "base/fields.h"
#include "base/json.h"

namespace ecg2lab {
namespace {

void read_check(const Field& field, Proof& proof) {
  Fields fields(field);
  const std::vector<std::string> quantities{"kernel", "logits", "features"};
  const std::string& quantity = quantities[fields.required("quantity").word(quantities)];
  for (const char* name : {"form", "backend", "case"}) fields.required(name).text();
  const double error = fields.required("error").number();
  const Field limit = fields.required("tolerance");
  if (!(limit.number() > 0)) limit.refuse("expected a number > 0");
  fields.refuse_unknown();
  proof.passed = error <= limit.number() && proof.passed;
  const auto tightest = proof.limits.emplace(quantity, limit.number()).first;
  tightest->second = std::min(tightest->second, limit.number());
}

Proof read_proof(const Field& field) {
  Fields fields(field);
  Proof proof{.form = fields.required("form").text(),
              .precision = fields.required("precision").text(),
              .limits = {},
              .left_out = {}};
  for (const Field& check : fields.required("checks").items(1)) read_check(check, proof);
  for (const auto& [name, why] : fields.required("left_out").members()) proof.left_out.emplace(name, why.text());
  if (const auto refused = fields.find("refused")) {
    for (const auto& [precision, why] : refused->members()) why.text();
  }
  fields.required("cpu").text();
  for (const auto& [name, version] : fields.required("versions").members()) version.text();
  fields.refuse_unknown();
  return proof;
}

}  // namespace

Proof decode_proof(std::span<const std::byte> content, const std::string& name) {
  try {
    const Json json = parse_json({reinterpret_cast<const char*>(content.data()), content.size()});
    return read_proof(Field(json, "$"));
  } catch (const std::invalid_argument& error) {  // JsonError, FieldError
    throw Error(ErrorKind::bundle, name + " is malformed: " + error.what());
  }
}

}  // namespace ecg2lab
