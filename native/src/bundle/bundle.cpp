#include "bundle/bundle.h"

#include <stdexcept>

#include "base/errors.h"
#include "bundle/onnx_guard.h"
#include "bundle/sha256.h"

namespace ecg2lab {
namespace {

constexpr std::string_view kManifest = "manifest.json";

void check_digests(const std::vector<Member>& members, const Manifest& manifest, const std::string& source) {
  for (const auto& [name, content] : members) {
    if (name == kManifest) continue;
    const auto stated = manifest.members.find(std::string(name));
    if (stated == manifest.members.end() || stated->second != Digest{content.size(), sha256(content)}) {
      throw Error(ErrorKind::bundle, source + " is damaged: " + std::string(name) + " is not what its manifest says");
    }
  }
  if (manifest.members.size() != members.size() - 1) {
    throw Error(ErrorKind::bundle, source + " is damaged: its members are not those of its manifest");
  }
}

void refuse_external_data(const Member& graph, const std::string& source) {
  const std::string called = source + ": " + std::string(graph.name);
  bool outside = false;
  try {
    outside = refers_outside(graph.content);
  } catch (const std::invalid_argument& error) {
    throw Error(ErrorKind::bundle, called + " is no ONNX graph: " + error.what());
  }
  if (outside) {
    throw Error(ErrorKind::bundle, called + " keeps numbers in files outside the bundle, which is never opened");
  }
}

}  // namespace

Bundle Bundle::open(const std::string& path) { return {read_file(path), path}; }

Bundle::Bundle(AlignedBytes content, std::string source)
    : source_(std::move(source)),
      content_(std::move(content)),
      members_(unpack(content_.view(), source_)),
      digest_(sha256(member(kManifest))),
      manifest_(decode_manifest(member(kManifest), source_)) {
  check_digests(members_, manifest_, source_);
  for (const Member& each : members_) {
    if (each.name.ends_with(".onnx")) refuse_external_data(each, source_);
  }
}

std::span<const std::byte> Bundle::member(std::string_view name) const {
  for (const Member& each : members_) {
    if (each.name == name) return each.content;
  }
  throw Error(ErrorKind::bundle, "bundle " + source_ + " has no " + std::string(name));
}

}  // namespace ecg2lab
