#include "bundle/fit.h"

#include <array>

#include "base/errors.h"
#include "bundle/graph.h"
#include "bundle/safetensors.h"

namespace ecg2lab {
namespace {

constexpr const char *kWindowGraph = "window.onnx", *kStepGraph = "step.onnx", *kWeights = "weights.safetensors";

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
  if (proof.form != manifest.form || proof.precision != manifest.precision || !proof.passed) {
    refuse(bundle, "parity.json is no proof of this bundle");
  }
}

std::size_t size_along(const TensorMap& tensors, const std::string& name, std::size_t axis, const std::string& called) {
  const auto tensor = tensors.find(name);
  if (tensor == tensors.end()) throw Error(ErrorKind::bundle, called + " lacks " + name);
  if (tensor->second.shape.size() <= axis) throw Error(ErrorKind::bundle, called + ": " + name + " has another shape");
  return tensor->second.shape[axis];
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
Ports ports_of(const Contract& contract, std::int64_t samples) {
  const auto count = [](std::size_t size) { return static_cast<std::int64_t>(size); };
  return {port("signal", Element::float32, {count(contract.signal.leads.size()), samples}),
          port("continuous", Element::float32, {count(contract.continuous_columns())}),
          port("categorical", Element::int64, {count(contract.codes_per_column().size())}),
          port("logits", Element::float32, {count(contract.targets.size())})};
}

Graph checked_graph(const Bundle& bundle, const char* name, const Ports& expected, std::int64_t most_samples) {
  try {
    Graph graph = read_graph(bundle.member(name));
    for (const Port& port : expected) {
      const Port* there = graph.find(port.name);
      if (there == nullptr || there->element != port.element || there->sizes != port.sizes) {
        refuse(bundle, (most_samples ? "its step graph does not fit its manifest at '"
                                     : "its graph does not fit its contract at '") +
                           std::string(port.name) + "'");
      }
    }
    if (graph.inputs.size() + graph.outputs.size() != expected.size()) {
      refuse(bundle, std::string(name) + " has other inputs and outputs than it should");
    }
    check_sizes(graph, most_samples);
    return graph;
  } catch (const GraphError& error) {
    throw Error(ErrorKind::bundle, bundle.source() + ": " + name + " " + error.what());
  }
}

void check_window_graph(const Bundle& bundle) {
  const Contract& contract = bundle.contract();
  const auto window = static_cast<std::int64_t>(contract.signal.window_samples);
  const Graph graph = checked_graph(bundle, kWindowGraph, ports_of(contract, window), 0);
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
  Ports expected = ports_of(bundle.contract(), kFree);
  for (const char* name : {"state", "next_state"}) {
    expected.push_back(port(name, Element::float32, {step->state_size}));
  }
  checked_graph(bundle, kStepGraph, expected, step->most_samples);
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
  if (bundle.manifest().architecture == kS4Fusion) check_weights(bundle);
}

}  // namespace ecg2lab
