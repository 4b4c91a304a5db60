#include "bundle/bundle.h"

#include <algorithm>

#include "base/errors.h"
#include "base/utf8.h"
#include "bundle/fit.h"
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

}  // namespace

Bundle Bundle::open(const std::string& path) { return {read_file(path), path}; }

Bundle Bundle::open(std::span<const std::byte> content, const std::string& source) {
  if (content.size() > kLargestBundle) throw Error(ErrorKind::bundle, source + " is larger than any bundle");
  return {AlignedBytes(content), source};
}

Bundle::Bundle(AlignedBytes content, const std::string& source)
    : source_(printable(source)),
      content_(std::move(content)),
      members_(unpack(content_.view(), source_)),
      digest_(sha256(member(kManifest))),
      manifest_(std::make_shared<const Manifest>(decode_manifest(member(kManifest), source_))) {
  check_digests(members_, *manifest_, source_);
  proof_ = decode_proof(member("parity.json"), source_ + ": parity.json");
  check_fit(*this);
}

std::size_t Bundle::size() const {
  std::size_t size = 0;
  for (const Member& each : members_) size += each.content.size();
  return size;
}

bool Bundle::has(std::string_view name) const {
  return std::any_of(members_.begin(), members_.end(), [&](const Member& each) { return each.name == name; });
}

std::span<const std::byte> Bundle::member(std::string_view name) const {
  for (const Member& each : members_) {
    if (each.name == name) return each.content;
  }
  throw Error(ErrorKind::bundle, "bundle " + source_ + " has no " + std::string(name));
}

}  // namespace ecg2lab
