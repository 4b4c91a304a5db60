// Fields and their numbers are those of onnx.proto, https://github.com/onnx/onnx/blob/main/onnx/onnx.proto. Only what
// the export writes is read, and everything else refused: nothing is passed on to a runtime that was not looked at.
#include "bundle/graph.h"

#include <algorithm>
#include <unordered_map>

#include "bundle/operators.h"
#include "bundle/protobuf.h"

namespace ecg2lab {
namespace {

using Bytes = std::span<const std::byte>;

constexpr std::size_t kMostNodes = 4096;

[[noreturn]] void refuse(const std::string& what) { throw GraphError(what); }

[[noreturn]] void refuse_field(const char* message, const ProtobufField& field) {
  refuse("holds what no graph of a bundle may: field " + std::to_string(field.id) + " of " + message);
}

std::int64_t number_of(const ProtobufField& field) {
  if (field.kind != ProtobufField::Kind::number) throw ProtobufError("a number is expected");
  return static_cast<std::int64_t>(field.number);
}

Bytes bytes_of(const ProtobufField& field) {
  if (field.kind != ProtobufField::Kind::bytes) throw ProtobufError("a message is expected");
  return field.bytes;
}

std::string_view text_of(const ProtobufField& field) {
  bytes_of(field);
  return field.text();
}

// A repeated number: one, or many one after another.
void append_numbers(const ProtobufField& field, Sizes& numbers) {
  if (field.kind == ProtobufField::Kind::number) return numbers.push_back(number_of(field));
  for (ProtobufMessage packed(bytes_of(field)); !packed.at_end();) {
    numbers.push_back(static_cast<std::int64_t>(packed.varint()));
  }
}

std::size_t bytes_per(Element element) {
  switch (element) {
    case Element::uint8:
    case Element::int8:
      return 1;
    case Element::float16:
    case Element::bfloat16:
      return 2;
    case Element::float32:
      return 4;
    case Element::int64:
      return 8;
    case Element::undefined:
      break;
  }
  refuse("has numbers of type " + std::to_string(static_cast<int>(element)) + ", which no graph of a bundle may have");
}

Element read_element(const ProtobufField& field) {
  const auto element = static_cast<Element>(std::clamp<std::int64_t>(number_of(field), 0, 1000));
  bytes_per(element);
  return element;
}

class Reader {
 public:
  Graph read(Bytes model) {
    std::optional<Bytes> graph;
    std::int64_t ir_version = 0;
    std::vector<Bytes> operator_sets;
    for (ProtobufMessage message(model); !message.at_end();) {
      const auto field = message.next();
      switch (field.id) {
        case 1:
          ir_version = number_of(field);
          break;
        case 2:  // name of the producer,
        case 3:  // and its version
        case 6:  // documentation
          bytes_of(field);
          break;
        case 7:
          if (graph) refuse("holds two graphs");
          graph = bytes_of(field);
          break;
        case 8:
          operator_sets.push_back(bytes_of(field));
          break;
        default:
          refuse_field("ModelProto", field);  // functions, training and others
      }
    }
    if (!graph) throw ProtobufError("it has no graph");
    require_version(ir_version, operator_sets);
    read_graph(*graph);
    return std::move(graph_);
  }

 private:
  static void require_version(std::int64_t ir_version, const std::vector<Bytes>& operator_sets) {
    std::string domain;
    std::int64_t version = 0;
    for (const Bytes& set : operator_sets) {
      for (ProtobufMessage message(set); !message.at_end();) {
        const auto field = message.next();
        if (field.id == 1) {
          domain += text_of(field);
        } else if (field.id == 2) {
          version = number_of(field);
        } else {
          refuse_field("OperatorSetIdProto", field);
        }
      }
    }
    if (!domain.empty()) refuse("has operators of the domain '" + domain + "', which no graph of a bundle may have");
    if (operator_sets.size() != 1 || version != kOpset || ir_version != kIrVersion) {
      refuse("is of opset " + std::to_string(version) + ", IR " + std::to_string(ir_version) + "; bundles have opset " +
             std::to_string(kOpset) + ", IR " + std::to_string(kIrVersion));
    }
  }

  // Nodes come first in the file; the values that they take are known only when inputs and constants were read.
  void read_graph(Bytes content) {
    std::vector<Bytes> nodes, outputs;
    for (ProtobufMessage message(content); !message.at_end();) {
      const auto field = message.next();
      switch (field.id) {
        case 1:
          nodes.push_back(bytes_of(field));
          break;
        case 2:   // name
        case 10:  // documentation
          bytes_of(field);
          break;
        case 5:
          add_constant(bytes_of(field));
          break;
        case 11:
          graph_.inputs.push_back(read_port(bytes_of(field)));
          graph_.inputs.back().value = define(graph_.inputs.back().name);
          break;
        case 12:
          outputs.push_back(bytes_of(field));
          break;
        default:
          refuse_field("GraphProto", field);
      }
    }
    if (nodes.size() > kMostNodes) refuse("has more than " + std::to_string(kMostNodes) + " operators");
    for (const Bytes& node : nodes) graph_.nodes.push_back(read_node(node));
    for (const Bytes& output : outputs) {
      graph_.outputs.push_back(read_port(output));
      graph_.outputs.back().value = find(graph_.outputs.back().name);
    }
    graph_.values = values_.size();
  }

  std::size_t define(std::string_view name) {
    const auto [place, added] = values_.emplace(name, values_.size());
    if (name.empty() || !added) refuse("defines the value '" + std::string(name) + "' twice");
    return place->second;
  }

  std::size_t find(std::string_view name) const {
    const auto place = values_.find(name);
    if (place == values_.end()) refuse("uses the value '" + std::string(name) + "' before it is defined");
    return place->second;
  }

  void add_constant(Bytes content) {
    Constant constant{};
    std::string_view name;
    for (ProtobufMessage message(content); !message.at_end();) {
      const auto field = message.next();
      switch (field.id) {
        case 1:
          append_numbers(field, constant.sizes);
          break;
        case 2:
          constant.element = read_element(field);
          break;
        case 8:
          name = text_of(field);
          break;
        case 9:
          constant.numbers = bytes_of(field);
          break;
        case 13:  // entries that name a file
        case 14:  // and that there is one
          refuse("keeps numbers in files outside the bundle, which is never opened");
        default:
          refuse_field("TensorProto", field);
      }
    }
    const std::int64_t count = count_elements(constant.sizes);
    if (count == 0) refuse("holds the empty constant '" + std::string(name) + "'");
    if (constant.numbers.size() != static_cast<std::uint64_t>(count) * bytes_per(constant.element)) {
      refuse("holds the constant '" + std::string(name) + "', whose numbers are not those of its shape");
    }
    constant.value = define(name);
    graph_.constants.push_back(std::move(constant));
  }

  // Type and shape are three messages within each other, of which only the innermost says anything.
  static Port read_port(Bytes content) {
    Port port{.name = {}, .element = {}, .sizes = {}, .value = 0};
    for (ProtobufMessage message(content); !message.at_end();) {
      const auto field = message.next();
      if (field.id == 1) {
        port.name = text_of(field);
      } else if (field.id == 2) {
        read_type(bytes_of(field), port);
      } else {
        refuse_field("ValueInfoProto", field);
      }
    }
    return port;
  }

  static void read_type(Bytes content, Port& port) {
    for (ProtobufMessage type(content); !type.at_end();) {
      const auto of_tensor = type.next();
      if (of_tensor.id != 1) refuse_field("TypeProto", of_tensor);
      for (ProtobufMessage tensor(bytes_of(of_tensor)); !tensor.at_end();) {
        const auto field = tensor.next();
        if (field.id == 1) {
          port.element = read_element(field);
        } else if (field.id == 2) {
          read_shape(bytes_of(field), port.sizes);
        } else {
          refuse_field("TypeProto.Tensor", field);
        }
      }
    }
  }

  static void read_shape(Bytes content, Sizes& sizes) {
    for (ProtobufMessage shape(content); !shape.at_end();) {
      const auto dimension = shape.next();
      if (dimension.id != 1) refuse_field("TensorShapeProto", dimension);
      sizes.push_back(kFree);  // a name, or nothing at all
      for (ProtobufMessage message(bytes_of(dimension)); !message.at_end();) {
        const auto field = message.next();
        if (field.id == 1) {
          sizes.back() = number_of(field);
          if (sizes.back() < 0) refuse("has an input or output of negative size");
        } else if (field.id == 2) {
          bytes_of(field);
        } else {
          refuse_field("TensorShapeProto.Dimension", field);
        }
      }
    }
  }

  Node read_node(Bytes content) {
    Node node{};
    std::string domain;
    std::vector<std::string_view> inputs, outputs;
    std::vector<Bytes> attributes;
    for (ProtobufMessage message(content); !message.at_end();) {
      const auto field = message.next();
      switch (field.id) {
        case 1:
          inputs.push_back(text_of(field));
          break;
        case 2:
          outputs.push_back(text_of(field));
          break;
        case 3:  // name
          bytes_of(field);
          break;
        case 4:
          node.operation = text_of(field);
          break;
        case 5:
          attributes.push_back(bytes_of(field));
          break;
        case 7:
          domain = text_of(field);
          break;
        default:
          refuse_field("NodeProto", field);
      }
    }
    require_listed(node.operation, domain);
    for (const Bytes& attribute : attributes) node.attributes.push_back(read_attribute(attribute));
    for (const std::string_view input : inputs) node.inputs.push_back(find(input));
    require_signature(node);
    if (outputs.size() != 1) refuse("has the operator " + std::string(node.operation) + " with other than one output");
    node.output = define(outputs.front());
    return node;
  }

  static Attribute read_attribute(Bytes content) {
    Attribute attribute{};
    for (ProtobufMessage message(content); !message.at_end();) {
      const auto field = message.next();
      switch (field.id) {
        case 1:
          attribute.name = text_of(field);
          break;
        case 2:  // a float
          break;
        case 3:
        case 8:
          append_numbers(field, attribute.numbers);
          break;
        case 20:
          attribute.kind = static_cast<Attribute::Kind>(std::clamp<std::int64_t>(number_of(field), 0, 1000));
          break;
        default:
          refuse_field("AttributeProto", field);  // tensors, graphs, texts and others
      }
    }
    const std::size_t count = attribute.numbers.size();
    const bool fits = attribute.kind == Attribute::Kind::list ||
                      (attribute.kind == Attribute::Kind::real && count == 0) ||
                      (attribute.kind == Attribute::Kind::whole && count == 1);
    if (!fits) refuse("has the attribute '" + std::string(attribute.name) + "' of an unknown type");
    return attribute;
  }

  Graph graph_;
  std::unordered_map<std::string_view, std::size_t> values_;
};

}  // namespace

const Port* Graph::find(std::string_view name) const {
  for (const auto* ports : {&inputs, &outputs}) {
    for (const Port& port : *ports) {
      if (port.name == name) return &port;
    }
  }
  return nullptr;
}

const char* Graph::precision() const {
  const auto holds = [&](Element element) {
    return std::any_of(constants.begin(), constants.end(), [&](const Constant& c) { return c.element == element; });
  };
  return holds(Element::float16) ? "fp16" : holds(Element::bfloat16) ? "bf16" : holds(Element::int8) ? "int8" : "fp32";
}

Graph read_graph(Bytes model) {
  try {
    return Reader().read(model);
  } catch (const ProtobufError& error) {
    throw GraphError(std::string("is no ONNX graph: ") + error.what());
  }
}

}  // namespace ecg2lab
