#include "bundle/manifest.h"

#include <algorithm>
#include <limits>

#include "base/errors.h"

namespace ecg2lab {
namespace {

constexpr std::size_t kLongestWord = 120;
constexpr auto kAnyInteger = std::numeric_limits<std::int64_t>::max();
constexpr std::int64_t kMostFeatures = 1'000'000;  // as a contract may state

bool is_sha256(std::string_view text) {
  return text.size() == 64 && text.find_first_not_of("0123456789abcdef") == std::string_view::npos;
}

std::string read_sha256(const Field& field) {
  std::string text = field.text();
  if (!is_sha256(text)) field.refuse("no SHA-256 in lower-case hexadecimal digits");
  return text;
}

Digest read_digest(const Field& field) {
  Fields fields(field);
  Digest digest{.size = static_cast<std::uint64_t>(fields.required("size").integer(0, kAnyInteger)),
                .sha256 = read_sha256(fields.required("sha256"))};
  fields.refuse_unknown();
  return digest;
}

std::int64_t read_integer(const Field& field) { return field.integer(-kAnyInteger - 1, kAnyInteger); }

NetworkFacts read_network(const Field& field, const std::string& architecture) {
  Fields fields(field);
  NetworkFacts network{.causal = fields.required("causal").boolean(), .sizes = {}, .features = {}};
  for (const auto& [name, size] : field.members()) {
    if (name != "causal") network.sizes.emplace(name, size.integer(0, kAnyInteger));
  }
  if (const auto features = fields.find("features")) network.features = features->integer(1, kMostFeatures);
  fields.required("parameters");
  if (architecture == kS4Fusion) {
    for (const char* name : {"hidden", "state_size", "layers"}) fields.required(name);
    fields.refuse_unknown();
  }
  return network;
}

std::string read_form(const Field& field, const std::string& architecture) {
  if (architecture == kS4Fusion) field.word({"recurrent", "spectral"});
  return field.text(1, kLongestWord);
}

StepSizes read_step(const Field& field) {
  Fields fields(field);
  const StepSizes step{.most_samples = fields.required("most_samples").integer(1, kAnyInteger),
                       .state_size = fields.required("state_size").integer(1, kAnyInteger)};
  fields.refuse_unknown();
  return step;
}

// Of what is not needed here, only that it is well formed.
void check_lineage(const Field& field) {
  Fields fields(field);
  fields.required("checkpoint_sha256").text();
  fields.required("format").word({"cardiolab", "ecg2lab"});
  if (const auto data = fields.find_value("training_data")) data->text();
  fields.refuse_unknown();
}

double read_not_negative(const Field& field) {
  const double value = field.number();
  if (!(value >= 0)) field.refuse("expected a number >= 0");
  return value;
}

const std::vector<std::string> kReduced{"fp16", "bf16", "int8"};

std::optional<double> find_share(Fields& fields, const char* name) {
  const auto field = fields.find_value(name);
  if (!field) return std::nullopt;
  const double share = field->number();
  if (!(share >= 0 && share <= 1)) field->refuse("expected a number >= 0 and <= 1");
  return share;
}

// Whether the flags that change, and what more is outside experience, are within the limit. Older gates state neither.
void check_decisions(const std::string& precision, Fields& fields, const Field& gate) {
  const auto limit = find_share(fields, "decision_limit"), changed = find_share(fields, "flags_changed"),
             before = find_share(fields, "outside_fp32"), after = find_share(fields, "outside_reduced");
  if (before.has_value() != after.has_value()) gate.refuse("outside experience is stated of one precision alone");
  if ((changed || after) && !limit) gate.refuse("decisions were measured without a limit");
  if ((changed && *changed > *limit) || (after && *after - *before > *limit))
    gate.refuse("the gate of " + precision + " was not passed");
}

// The largest error of a logit that it measured.
double read_gate(const std::string& precision, const Field& field) {
  Fields fields(field);
  const std::string spoken_of = kReduced[fields.required("precision").word(kReduced)];
  if (spoken_of != precision) field.refuse("the gate of " + precision + " speaks of " + spoken_of);
  fields.required("windows").integer(1, kAnyInteger);
  for (const char* name : {"data", "worst_target", "runtime", "cpu"}) fields.required(name).text();
  read_sha256(fields.required("data_sha256"));
  for (const char* name : {"targets_by_labels", "targets_expected"}) fields.required(name).integer(0, kAnyInteger);
  if (const auto names = fields.find("targets_unmeasured")) {
    for (const Field& name : names->items()) name.text();
  }
  fields.required("macro_auroc_loss").number();
  const double error = read_not_negative(fields.required("logit_error_max"));
  read_not_negative(fields.required("logit_error_median"));
  const double loss = fields.required("worst_auroc_loss").number();
  if (!(loss <= read_not_negative(fields.required("limit"))))
    field.refuse("the gate of " + precision + " was not passed");
  check_decisions(precision, fields, field);
  fields.refuse_unknown();
  return error;
}

std::map<std::string, double> read_gates(const Field& field) {
  std::map<std::string, double> gates;
  for (const auto& [precision, gate] : field.members()) {
    if (std::find(kReduced.begin(), kReduced.end(), precision) == kReduced.end()) {
      gate.refuse("no gate is known for '" + precision + "'");
    }
    gates.emplace(precision, read_gate(precision, gate));
  }
  return gates;
}

Manifest read_manifest(const Field& field) {
  const std::vector<std::string> precisions{"fp32", "fp16", "bf16", "int8"};
  Fields fields(field);
  fields.required("schema_version");  // seen to before
  const auto stated = fields.find("architecture");
  const std::string architecture = stated ? stated->text(1, kLongestWord) : std::string(kS4Fusion);
  Manifest manifest{.synthetic_weights = {},
                    .form = read_form(fields.required("form"), architecture),
                    .precision = precisions[fields.required("precision").word(precisions)],
                    .architecture = architecture,
                    .network = read_network(fields.required("network"), architecture),
                    .opset = read_integer(fields.required("opset")),
                    .step = {},
                    .members = {},
                    .gates = {},
                    .contract = read_contract(fields.required("contract"))};
  const Field synthetic = fields.required("synthetic_weights");
  if (!synthetic.is_null()) manifest.synthetic_weights = synthetic.boolean();
  if (const Field step = fields.required("step"); !step.is_null()) manifest.step = read_step(step);
  check_lineage(fields.required("lineage"));
  for (const auto& [name, version] : fields.required("tools").members()) version.text();
  for (const auto& [name, digest] : fields.required("members").members()) {
    manifest.members.emplace(name, read_digest(digest));
  }
  if (const auto gates = fields.find("gates")) manifest.gates = read_gates(*gates);
  fields.refuse_unknown();
  return manifest;
}

void check_version(const Field& field, const std::string& source) {
  const std::int64_t version = read_integer(Fields(field).required("schema_version"));
  const std::string said = source + " is of bundle version " + std::to_string(version);
  if (version > kBundleVersion) {
    throw Error(ErrorKind::bundle, said + "; this ecg2lab reads up to " + std::to_string(kBundleVersion));
  }
  if (version < kBundleVersion) {
    throw Error(ErrorKind::bundle, said + ", which is read no longer; export it again");
  }
}

}  // namespace

std::string Manifest::notice() const {
  if (!synthetic_weights) return "weights of unstated origin, not for clinical use";
  return std::string(*synthetic_weights ? "synthetic weights" : "research software") + ", not for clinical use";
}

Manifest decode_manifest(std::span<const std::byte> content, const std::string& source) {
  try {
    const Json json = parse_json({reinterpret_cast<const char*>(content.data()), content.size()});
    const Field field(json, "$");
    check_version(field, source);
    return read_manifest(field);
  } catch (const std::invalid_argument& error) {  // JsonError, FieldError
    throw Error(ErrorKind::bundle, source + " has an invalid manifest: " + error.what());
  }
}

}  // namespace ecg2lab
