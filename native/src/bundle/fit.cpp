#include "bundle/fit.h"

#include <algorithm>
#include <cmath>

#include "base/errors.h"
#include "bundle/graph.h"
#include "bundle/safetensors.h"

namespace ecg2lab {
namespace {

constexpr const char *kStepGraph = "step.onnx", *kWeights = "weights.safetensors",
                     *kExperience = "experience.safetensors";

[[noreturn]] void refuse(const Bundle& bundle, const std::string& why) {
  throw Error(ErrorKind::bundle, bundle.source() + ": " + why + "; export it again");
}

void require_same(const Bundle& bundle, const std::string& what, const std::string& stated, const std::string& member,
                  const std::string& there) {
  if (stated != there) {
    refuse(bundle, "its manifest says " + what + " " + stated + ", its " + member + " " + there);
  }
}

void check_proof(const Bundle& bundle) {
  const Proof& proof = bundle.proof();
  const Manifest& manifest = bundle.manifest();
  if (proof.form != manifest.form || proof.precision != manifest.precision || !proof.passed ||
      (manifest.network.features && !proof.limits.contains(kFeatures))) {
    refuse(bundle, "parity.json is no proof of this bundle");
  }
}

std::size_t size_along(const TensorMap& tensors, const std::string& name, std::size_t axis, const std::string& called) {
  const auto tensor = tensors.find(name);
  if (tensor == tensors.end()) throw Error(ErrorKind::bundle, called + " lacks " + name);
  if (tensor->second.shape.size() <= axis) throw Error(ErrorKind::bundle, called + ": " + name + " has another shape");
  return tensor->second.shape[axis];
}

void require_contract(const Bundle& bundle, const std::string& what, std::size_t stated, std::size_t there) {
  if (stated != there) {
    refuse(bundle, "its contract says " + std::to_string(stated) + " " + what + ", its " + kWeights + " " +
                       std::to_string(there));
  }
}

// Shapes alone: the engine reads the numbers, and checks all of them against each other.
void check_weights(const Bundle& bundle) {
  const std::string called = bundle.source() + ": " + kWeights;
  const Safetensors file = read_safetensors(bundle.member(kWeights), called);
  const NetworkFacts& network = bundle.manifest().network;
  const auto require = [&](const char* what, std::size_t there) {
    require_same(bundle, what, std::to_string(network.size(what)), kWeights, std::to_string(there));
  };
  std::size_t layers = 0;
  const auto has = [&](std::size_t i) { return file.tensors.contains("layers." + std::to_string(i) + ".a"); };
  while (has(layers)) ++layers;
  require("hidden", size_along(file.tensors, "encoder.bias", 0, called));
  require("layers", layers);
  if (network.features) require("features", size_along(file.tensors, "head.weight", 1, called));
  const Contract& contract = bundle.contract();
  require_contract(bundle, "leads", contract.signal.leads.size(),
                   size_along(file.tensors, "encoder.weight", 1, called));
  require_contract(bundle, "targets", contract.targets.size(), size_along(file.tensors, "head.weight", 0, called));
  const std::vector<std::size_t> codes = contract.codes_per_column();
  for (std::size_t i = 0; i < codes.size(); ++i) {
    const std::size_t rows = size_along(file.tensors, "embeddings." + std::to_string(i), 0, called);
    require_contract(bundle, "codes of category " + std::to_string(i + 1), codes[i], rows);
  }
  for (std::size_t i = 0; i < layers; ++i) {
    const std::string name = "layers." + std::to_string(i) + ".b";
    const bool causal = size_along(file.tensors, name, 0, called) == 1;
    require_same(bundle, "causal", network.causal ? "true" : "false", kWeights, causal ? "true" : "false");
    const std::size_t states = size_along(file.tensors, name, 2, called);  // those that do something were kept
    if (states > static_cast<std::uint64_t>(network.size("state_size"))) require("state_size", states);
  }
}

using Ports = std::vector<Port>;

Port port(std::string_view name, Element element, std::vector<std::int64_t> sizes) {
  sizes.insert(sizes.begin(), kFree);
  return {name, element, std::move(sizes), 0};
}

// Of the network over one window, or over a chunk of samples.
Ports ports_of(const Manifest& manifest, std::int64_t samples) {
  const Contract& contract = manifest.contract;
  const auto count = [](std::size_t size) { return static_cast<std::int64_t>(size); };
  Ports ports{port(kSignal, Element::float32, {count(contract.signal.leads.size()), samples}),
              port(kContinuous, Element::float32, {count(contract.continuous_columns())}),
              port(kCategorical, Element::int64, {count(contract.codes_per_column().size())}),
              port(kLogits, Element::float32, {count(contract.targets.size())})};
  if (manifest.network.features) ports.push_back(port(kFeatures, Element::float32, {*manifest.network.features}));
  return ports;
}

// As what a graph lacks or has otherwise is named.
const char* stated_by(const Port& port, std::int64_t most_samples) {
  if (most_samples) return "its step graph does not fit its manifest at '";
  return port.name == kFeatures ? "its graph does not fit its manifest at '"
                                : "its graph does not fit its contract at '";
}

Graph checked_graph(const Bundle& bundle, const char* name, const Ports& expected, std::int64_t most_samples) {
  try {
    Graph graph = read_graph(bundle.member(name));
    for (const Port& port : expected) {
      const Port* there = graph.find(port.name);
      if (there == nullptr || there->element != port.element || there->sizes != port.sizes) {
        refuse(bundle, stated_by(port, most_samples) + std::string(port.name) + "'");
      }
    }
    if (graph.inputs.size() + graph.outputs.size() != expected.size()) {
      refuse(bundle, std::string(name) + " has other inputs and outputs than it should");
    }
    check_sizes(graph, most_samples);
    check_codes(graph, graph.find(kCategorical)->value, bundle.contract().codes_per_column());
    return graph;
  } catch (const GraphError& error) {
    throw Error(ErrorKind::bundle, bundle.source() + ": " + name + " " + error.what());
  }
}

void check_window_graph(const Bundle& bundle) {
  const auto window = static_cast<std::int64_t>(bundle.contract().signal.window_samples);
  const Graph graph = checked_graph(bundle, kWindowGraph, ports_of(bundle.manifest(), window), 0);
  require_same(bundle, "precision", bundle.manifest().precision, kWindowGraph, graph.precision());
  require_same(bundle, "opset", std::to_string(bundle.manifest().opset), kWindowGraph, std::to_string(kOpset));
}

void check_step_graph(const Bundle& bundle) {
  const auto& step = bundle.manifest().step;
  if (step.has_value() != bundle.has(kStepGraph)) {
    refuse(bundle, std::string("its manifest ") +
                       (step ? "speaks of a step graph, which is missing" : "does not speak of its step graph"));
  }
  if (!step) return;
  Ports expected = ports_of(bundle.manifest(), kFree);
  for (const char* name : {"state", "next_state"}) {
    expected.push_back(port(name, Element::float32, {step->state_size}));
  }
  checked_graph(bundle, kStepGraph, expected, step->most_samples);
}

void check_experience_tensor(const Bundle& bundle, const TensorMap& tensors, const std::string& name,
                             const std::vector<std::size_t>& shape) {
  const auto found = tensors.find(name);
  if (found == tensors.end()) refuse(bundle, std::string(kExperience) + " lacks " + name);
  const Tensor& tensor = found->second;
  if (tensor.type != Tensor::Type::f32 || tensor.shape != shape) {
    refuse(bundle, std::string(kExperience) + ": " + name + " has another shape or type");
  }
  std::size_t numbers = 1;
  for (const std::size_t size : shape) numbers *= size;
  const auto* const first = reinterpret_cast<const float*>(tensor.data);
  if (!std::all_of(first, first + numbers, [](float value) { return std::isfinite(value); })) {
    refuse(bundle, std::string(kExperience) + ": " + name + " is not finite");
  }
}

// Mean and whitening of features that the graphs give, if and only if the contract speaks of experience.
void check_experience(const Bundle& bundle) {
  const auto& experience = bundle.contract().experience;
  if (experience.has_value() != bundle.has(kExperience)) {
    refuse(bundle,
           std::string("its contract ") + (experience ? "speaks of experience, but it lacks " + std::string(kExperience)
                                                      : "does not speak of its " + std::string(kExperience)));
  }
  if (!experience) return;
  const auto& given = bundle.manifest().network.features;
  if (!given) refuse(bundle, "its contract speaks of experience, but its graphs give no features");
  if (*given != static_cast<std::int64_t>(experience->features)) {
    refuse(bundle, "its manifest says features " + std::to_string(*given) + ", its contract " +
                       std::to_string(experience->features));
  }
  const std::string called = bundle.source() + ": " + kExperience;
  const Safetensors file = read_safetensors(bundle.member(kExperience), called);
  const std::size_t features = experience->features;
  check_experience_tensor(bundle, file.tensors, "mean", {features});
  check_experience_tensor(bundle, file.tensors, "whitening", {features, features});
  if (file.tensors.size() != 2) refuse(bundle, std::string(kExperience) + " holds more than mean and whitening");
}

}  // namespace

void check_fit(const Bundle& bundle) {
  const bool has_weights = bundle.has(kWeights);
  if (!has_weights && bundle.manifest().architecture == kS4Fusion) {
    throw Error(ErrorKind::bundle, bundle.source() + " lacks " + kWeights);
  }
  check_window_graph(bundle);
  check_step_graph(bundle);
  check_proof(bundle);
  check_experience(bundle);
  if (bundle.manifest().architecture == kS4Fusion) check_weights(bundle);
}

}  // namespace ecg2lab
