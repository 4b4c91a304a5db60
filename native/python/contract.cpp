#include "contract/contract.h"

#include <type_traits>

#include "bindings.h"
#include "contract/table.h"

namespace ecg2lab::bindings {
namespace {

using py::literals::operator""_a;

// Writes a structure into a dict, by the names of the Python contract.
class Writer {
 public:
  template <typename T>
  static py::object write(T& value) {
    if constexpr (std::is_enum_v<T>) {
      return py::cast(word_of(value));
    } else if constexpr (requires(Writer& writer) { visit_fields(value, writer); }) {
      Writer writer;
      visit_fields(value, writer);
      return writer.dict_;
    } else {
      return py::cast(value);
    }
  }
  template <typename T>
  static py::object write(std::optional<T>& value) {
    return value ? write(*value) : py::none();
  }
  template <typename T>
  static py::object write(std::vector<T>& values) {
    py::list list;
    for (T& value : values) list.append(write(value));
    return list;
  }
  static py::object write(QualityLimits& quality) {
    py::dict limits;
    for (std::size_t i = 0; i < kFaults; ++i) {
      if (kFaultRules[i].limited) limits[py::cast(kFaultRules[i].name)] = write(quality.limits[i]);
    }
    return limits;
  }

  template <typename T, typename... Rules>
  void required(const char* name, T& member, const Rules&...) {
    dict_[name] = write(member);
  }
  template <typename T, typename... Rules>
  void optional(const char* name, T& member, const Rules&...) {
    dict_[name] = write(member);
  }
  template <typename Rule>
  void constant(const char*, const Rule&) {}

 private:
  py::dict dict_;
};

}  // namespace

void bind_contract(py::module_& module) {
  py::class_<Contract>(module, "Contract")
      .def_static(
          "decode",
          [](const py::bytes& text, const std::string& source) {
            return decode_contract(static_cast<std::string_view>(text), source);
          },
          "text"_a, "source"_a = "contract")
      .def("to_dict", [](Contract contract) { return Writer::write(contract); })
      .def_property_readonly("continuous_columns", &Contract::continuous_columns)
      .def_property_readonly("codes_per_column", &Contract::codes_per_column)
      .def_property_readonly("target_codes", [](const Contract& contract) {
        std::vector<std::string> codes;
        for (const Target& target : contract.targets) codes.push_back(code_of(target));
        return codes;
      });
}

}  // namespace ecg2lab::bindings
